"""The CRM's messages: sensitive sections started and ended (docs/crm-messages.md)."""
