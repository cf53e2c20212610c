// Tells in plain words what keeps calls from coming or sounding, and what to do.
import { byId, make, show } from "../shared/dom";
import { hasText, t } from "../shared/texts";

/** The problems that a page can show; each has texts desk.problem.<id>.title,
 * .text and, where a click helps, .action. */
export type Problem =
  | "socket" | "signedOut" | "signalling" | "media" | "audio" | "microphone"
  | "denied" | "absent" | "inUse" | "insecure" | "silent" | TelephoneProblem;

/** What keeps the agent's telephone from being called. */
export const telephoneProblems = ["noTelephone", "lineUnregistered", "phoneNotAllowed", "trunkDown", "telephoneSilent"] as const;
export type TelephoneProblem = (typeof telephoneProblems)[number];

export class Problems {
  private shown = "";

  constructor(private readonly act: (problem: Problem) => void) {}

  /** Shows exactly these, in this order; telephone is the number of the agent's. */
  draw(problems: Problem[], telephone: string): void {
    const key = [telephone, ...problems].join();
    if (key === this.shown) return;
    this.shown = key;
    const box = byId("problems");
    box.replaceChildren(...problems.map((p) => this.alert(p, telephone)));
    show(box, problems.length > 0);
  }

  private alert(problem: Problem, telephone: string): HTMLElement {
    const alert = make("div", "alert bg-warning/15 border-warning text-base-content flex flex-wrap items-center gap-x-4");
    alert.dataset.problem = problem;
    const words = make("div", "grow basis-60");
    words.append(
      make("p", "font-semibold", t(`desk.problem.${problem}.title`, { Number: telephone })),
      make("p", "text-sm", t(`desk.problem.${problem}.text`, { Number: telephone })),
    );
    alert.append(words);
    const action = `desk.problem.${problem}.action`;
    if (hasText(action)) {
      const button = make("button", "btn btn-sm btn-warning", t(action));
      button.type = "button";
      button.addEventListener("click", () => this.act(problem));
      alert.append(button);
    }
    return alert;
  }
}
