/**
 * Edits of one folder's account files, one pass after the other. Invariants: calls keep the order in which they came;
 * those of one kind that come while another pass is at work travel together in the next; a worker thread never waits
 * for a lock that another of this process holds.
 */
interface Pass {
  readonly kind: string;
  /** Until it begins, others of its kind may join. */
  open: boolean;
  readonly members: unknown[];
  done: Promise<void>;
}

/** The last pass of each folder. */
const last = new Map<string, Pass>();

/** Joins or opens the next pass. `run` gets all members of the pass, answers each of them, and never rejects. */
export function enter<T>(
  directory: string,
  kind: string,
  member: T,
  run: (members: readonly T[]) => Promise<void>,
): void {
  const before = last.get(directory);
  if (before?.open === true && before.kind === kind) {
    before.members.push(member);
    return;
  }
  const members = [member];
  const pass: Pass = { kind, open: true, members, done: Promise.resolve() };
  last.set(directory, pass);
  pass.done = (before?.done ?? Promise.resolve())
    .then(() => {
      pass.open = false;
      return run(members);
    })
    .finally(() => {
      if (last.get(directory) === pass) last.delete(directory);
    });
}
