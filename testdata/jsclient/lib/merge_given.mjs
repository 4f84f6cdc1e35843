// What a merge starts from: each change once, and which of them act. PROTOCOL.md section 18.
//
// A change is {origin, seq, open, closed (hex, closed empty where not known), op, stamp, beacon (undefined for none),
// refs: {operational, personal}, operational, personal (Map of field number to comparable value), personalKnown,
// authority}. A reference and the change of a ruling is {origin, seq, open}.

export const idOf = (c) => `${c.origin}/${c.seq}/${c.open}`;

const byText = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

// inOrder compares by origin, number and hashes.
export const inOrder = (a, b) =>
  byText(a.origin, b.origin) || a.seq - b.seq || byText(a.open, b.open) || byText(a.closed, b.closed);

// distinct drops repeats, and copies of which less is known.
export function distinct(changes) {
  const best = new Map();
  for (const change of changes) {
    const key = `${idOf(change)}/${change.closed}`;
    const before = best.get(key);
    if (!before || (change.personalKnown && !before.personalKnown)) best.set(key, change);
  }
  const all = [...best.values()];
  const known = new Set(all.filter((c) => c.closed !== '').map(idOf));
  return all.filter((c) => c.closed !== '' || !known.has(idOf(c))).sort(inOrder);
}

// heldBy gives the ids of held changes: of several rulings the highest number counts, and hold where two share one.
export function heldBy(rulings) {
  const last = new Map();
  for (const ruling of rulings) {
    const id = idOf(ruling.change);
    const before = last.get(id);
    const wins = !before || ruling.number > before.number || (ruling.number === before.number && ruling.act === 'hold');
    if (wins) last.set(id, ruling);
  }
  return new Set([...last].filter(([, ruling]) => ruling.act === 'hold').map(([id]) => id));
}

// Branches tells what precedes what on the branch of one origin. A fork is {origin, partings: [{branch, parent,
// after}], changes: [{seq, open, branch}]}.
export class Branches {
  constructor(forks) {
    this.forks = new Map();
    for (const fork of forks) {
      this.forks.set(fork.origin, {
        partings: new Map(fork.partings.map((p) => [p.branch, p])),
        placed: new Map(fork.changes.map((c) => [`${c.seq}/${c.open}`, c.branch])),
      });
    }
  }

  precedes(y, x) {
    if (y.origin !== x.origin || y.seq >= x.seq) return false;
    const fork = this.forks.get(x.origin);
    if (!fork) return true;
    const from = fork.placed.get(`${y.seq}/${y.open}`);
    let at = fork.placed.get(`${x.seq}/${x.open}`);
    if (from === undefined || at === undefined) return false; // not placed yet: nothing is lost by waiting
    let last = x.seq - 1;
    while (at !== from) {
      const parting = fork.partings.get(at);
      if (!parting) return false;
      last = Math.min(last, parting.after);
      at = parting.parent;
    }
    return y.seq <= last;
  }
}
