// The merge rule: what a record is, given the set of its changes and the set of rulings. PROTOCOL.md section 18.

import { Branches, distinct, heldBy, idOf } from './merge_given.mjs';

const DAY = 24 * 60 * 60 * 1000;
const COMPARTMENTS = ['operational', 'personal'];

function plausible({ stamp, beacon }) {
  return beacon !== undefined && stamp >= beacon - DAY && stamp <= beacon + 366 * DAY;
}

const greaterFirst = (a, b) => (a > b ? -1 : a < b ? 1 : 0);

// rank orders changes best first.
export function rank(a, b) {
  return (
    Number(plausible(b)) - Number(plausible(a)) ||
    b.stamp - a.stamp ||
    greaterFirst(a.open, b.open) ||
    greaterFirst(a.closed, b.closed)
  );
}

export function merge({ changes, rulings, forks, erased }) {
  const record = new Given(distinct(changes), rulings, forks);
  const voids = new Voids(record);
  const live = record.sets.filter((x) => isLive(record, x));
  const uncovered = live.filter((x) => !voids.covers(x));
  const isVoid = voids.standing.length > 0 && uncovered.length === 0;
  return {
    exists: record.sets.some((c) => c.op === 'create'),
    void: isVoid,
    voidConflict: voids.standing.length > 0 && !isVoid,
    voidBy: voids.standing,
    partial: !erased && record.acting.some((c) => !c.personalKnown),
    operational: standingFields(record, 'operational'),
    personal: erased ? [] : standingFields(record, 'personal'),
    held: record.all.filter((c) => record.held.has(idOf(c))),
    unauthorised: record.all.filter((c) => !c.authority),
    ignored: record.all.flatMap((c) => ignoredOf(record, c)),
    live,
  };
}

// Given is the set that the rule looks at.
class Given {
  constructor(all, rulings, forks) {
    this.all = all;
    this.held = heldBy(rulings);
    this.branches = new Branches(forks);
    this.acting = all.filter((c) => c.authority && !this.held.has(idOf(c)));
    this.sets = this.acting.filter((c) => c.op !== 'void');
  }

  names(x, y, compartment) {
    const id = idOf(y);
    return id !== idOf(x) && x.refs[compartment].some((ref) => idOf(ref) === id);
  }

  // saw tells whether the author of x had y, as far as one compartment's references say.
  saw(x, y, compartment) {
    return this.branches.precedes(y, x) || this.names(x, y, compartment);
  }
}

function rowOf(change, compartment) {
  return compartment === 'personal' && !change.personalKnown ? new Map() : change[compartment];
}

function stands(record, y, field, compartment) {
  return !record.sets.some((x) => rowOf(x, compartment).has(field) && record.saw(x, y, compartment));
}

function standingFields(record, compartment) {
  const fields = new Set(record.sets.flatMap((c) => [...rowOf(c, compartment).keys()]));
  return [...fields].sort((a, b) => a - b).map((field) => {
    const values = new Map();
    for (const y of [...record.sets].sort(rank)) {
      const row = rowOf(y, compartment);
      if (!row.has(field) || !stands(record, y, field, compartment)) continue;
      const value = row.get(field);
      if (!values.has(value)) values.set(value, []);
      values.get(value).push(y); // the first giver ranks best, so the values are in order too
    }
    return { field, standing: [...values].map(([value, by]) => ({ value, by })) };
  });
}

// isLive tells whether a void would have to cover x: it has a standing operational value, or nobody has followed it.
function isLive(record, x) {
  if ([...x.operational.keys()].some((field) => stands(record, x, field, 'operational'))) return true;
  if (x.operational.size > 0) return false;
  return !record.sets.some((z) => COMPARTMENTS.some((compartment) => record.saw(z, x, compartment)));
}

class Voids {
  constructor(record) {
    this.record = record;
    const withdrawn = (v) => record.sets.some((z) => COMPARTMENTS.some((c) => record.saw(z, v, c)));
    const standing = record.acting.filter((c) => c.op === 'void' && !withdrawn(c)).sort(rank);
    const replaced = (v) => standing.some((w) => record.saw(w, v, 'operational'));
    this.standing = [...standing.filter((v) => !replaced(v)), ...standing.filter(replaced)];
  }

  covers(x) {
    return this.standing.some((v) => this.record.saw(v, x, 'operational'));
  }
}

// ignoredOf lists the references of x that do nothing although their target is there.
function ignoredOf(record, x) {
  if (x.authority && record.held.has(idOf(x))) return [];
  const out = [];
  for (const compartment of COMPARTMENTS) {
    for (const targets of namedBy(record, x, compartment)) {
      const reason = reasonToIgnore(x, targets, compartment);
      if (reason) out.push({ by: x, compartment, target: targets[0], reason });
    }
  }
  return out;
}

// namedBy groups what x names: changes that differ only in their closed hash are one target.
function namedBy(record, x, compartment) {
  const groups = new Map();
  for (const y of record.all.filter((c) => record.names(x, c, compartment))) {
    groups.set(idOf(y), [...(groups.get(idOf(y)) ?? []), y]);
  }
  return [...groups.values()];
}

function reasonToIgnore(x, targets, compartment) {
  if (!x.authority) return 'no-authority';
  return targets.some((y) => acts(x, y, compartment)) ? undefined : 'no-common-field';
}

// acts tells whether a reference has anything to act on. What cannot be read gets the benefit of the doubt.
function acts(x, y, compartment) {
  if (x.op === 'void') return compartment === 'operational'; // it covers
  if (y.op === 'void') return true; // it withdraws
  if (compartment === 'personal' && !(x.personalKnown && y.personalKnown)) return true;
  return [...x[compartment].keys()].some((field) => y[compartment].has(field));
}
