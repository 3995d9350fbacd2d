"""What one fold changed, by name: enough to know what to look at again, what to write down and what to tell."""

from dataclasses import dataclass, field

from orchestrator.core.notices import Notice


@dataclass(slots=True)
class Changes:
    calls: set[str] = field(default_factory=set)
    """ivrids whose mute changed, or may be due."""
    sections: set[str] = field(default_factory=set)
    """Section ids that started, changed, ended or were forgotten."""
    extensions: set[str] = field(default_factory=set)
    """SIP ids whose legs or users changed, or that are gone."""
    blind: set[str] = field(default_factory=set)
    """SIP ids whose claim by extension changed, or may be due."""
    aimed: set[str] = field(default_factory=set)
    """SIP ids that a section is, or was, aimed at and for which that changed."""
    darkened: bool = False
    """What extensions have up cannot be seen from now on."""
    notices: list[Notice] = field(default_factory=list)

    def tell(self, notice: Notice) -> None:
        self.notices.append(notice)
