// What is done by hand: a dialog asks why, sends it once, and shows what came of it.
//
// Guarantees: nothing is sent without a reason chosen; a second press while one is under way sends nothing; a refusal
// leaves the dialog open and says why.

import { by, el, isolated, mark, say } from "./dom.js";
import { asked } from "./http.js";
import { said, t } from "./i18n.js";

const REASONS = ["card_spoken", "left_muted", "crm_fault", "wrong_call", "drill", "other"];

const KINDS = {
  mute: { path: ({ ivrid }) => `v1/page/calls/${encodeURIComponent(ivrid)}/mute`, timed: true },
  release: { path: ({ ivrid }) => `v1/page/calls/${encodeURIComponent(ivrid)}/release` },
  end: { path: ({ section_id }) => `v1/page/sections/${encodeURIComponent(section_id)}/end` },
};

export class Acts {
  /** `done(sentence)` tells of a success. */
  constructor({ app, done }) {
    Object.assign(this, { app, done });
    by("act-leave").addEventListener("click", () => by("act-dialog").close());
    by("act-form").addEventListener("submit", (event) => {
      event.preventDefault();
      if (!this.busy) this.#send();
    });
  }

  ask(kind, subject) {
    Object.assign(this, { kind, subject });
    const names = { ivrid: isolated(subject.ivrid), id: isolated(subject.section_id) };
    say(by("act-name"), t(`${kind}_title`, names));
    say(by("act-means"), t(`${kind}_means`));
    say(by("act-by"), t("act_by", { name: isolated(this.app.link.by) }));
    say(by("act-do"), t(`do_${kind}`));
    say(by("act-problem"), "");
    const first = el("option", { value: "" }, t("reason_choose"));
    by("act-reason").replaceChildren(first, ...REASONS.map((reason) => el("option", { value: reason }, t(reason))));
    by("act-ticket").value = "";
    by("act-seconds").value = "300";
    by("act-time").hidden = !KINDS[kind].timed;
    by("act-seconds").disabled = !KINDS[kind].timed;
    by("act-dialog").showModal();
    by("act-reason").focus();
  }

  async #send() {
    const { kind, subject } = this;
    const ticket = by("act-ticket").value.trim();
    const body = { reason: by("act-reason").value, account: subject.account };
    if (ticket) body.ticket = ticket;
    if (KINDS[kind].timed) body.max_seconds = Number(by("act-seconds").value);
    this.#busy(true);
    const answer = await asked(KINDS[kind].path(subject), { body });
    this.#busy(false);
    if (!answer.ok) {
      say(by("act-problem"), answer.status ? t("refused", { detail: said(String(answer.body.detail ?? answer.status)) }) : t("unanswered"));
      return;
    }
    by("act-dialog").close();
    this.done(t(`done_${kind}`, {
      ivrid: isolated(subject.ivrid),
      id: isolated(subject.section_id),
      section: isolated(answer.body.section_id),
    }));
  }

  #busy(is) {
    this.busy = is;
    mark(by("act-do"), "aria-disabled", is ? "true" : null);
  }
}
