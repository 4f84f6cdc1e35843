// The merge vectors: testdata/vectors/merge/README.md says what their members are.

import { idOf, inOrder } from '../lib/merge_given.mjs';
import { merge } from '../lib/merge.mjs';
import { equal } from './compare.mjs';

// comparable makes a value a text that is equal exactly for equal values.
function comparable(value) {
  const [[type, inner]] = Object.entries(value);
  const set = type === 'list' ? [...new Set(inner)].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))) : inner;
  return JSON.stringify([type, set]);
}

const row = (fields) => new Map(fields.map(({ field, value }) => [field, comparable(value)]));

function change(c) {
  return {
    origin: c.origin,
    seq: c.seq,
    open: c.open,
    closed: /^0*$/.test(c.closed) ? '' : c.closed,
    op: c.op,
    stamp: c.stamp_ms,
    beacon: c.beacon_ms === 0 ? undefined : c.beacon_ms,
    refs: c.refs,
    operational: row(c.operational),
    personal: row(c.personal),
    personalKnown: c.personal_known,
    authority: c.authority,
  };
}

// runMergeFile gives one test for each step, run in the order given and in the reverse, which must not matter.
export function mergeTests(file) {
  const changes = new Map(Object.entries(file.changes).map(([name, c]) => [name, change(c)]));
  return file.steps.flatMap((step) =>
    ['as given', 'backwards'].map((order) => ({
      name: `${file.name}: ${step.title} (${order})`,
      run: () => runStep(file, changes, step, order),
    })),
  );
}

function runStep(file, changes, step, order) {
  const turn = (list) => (order === 'backwards' ? [...list].reverse() : list);
  const got = merge({
    changes: turn(step.given).map((name) => changes.get(name)),
    rulings: turn(step.rulings).map((name) => file.rulings[name]),
    forks: file.forks,
    erased: step.erased,
  });
  equal(named(got), wanted(changes, step.want), 'state');
  checkWins(changes, step.wins, got);
}

// Names of one origin, number and open hash stand for each other, so lists are compared by these.
function named(got) {
  const ids = (list) => [...new Set(list.map(idOf))];
  const fields = (list) =>
    list.map(({ field, standing }) => ({ field, standing: standing.map(({ value, by }) => ({ value, by: ids(by) })) }));
  return {
    exists: got.exists,
    void: got.void,
    voidConflict: got.voidConflict,
    voidBy: ids(got.voidBy),
    voidReason: got.voidBy.length ? [...got.voidBy[0].operational] : [],
    partial: got.partial,
    operational: fields(got.operational),
    personal: fields(got.personal),
    held: ids(got.held),
    unauthorised: ids(got.unauthorised),
    ignored: got.ignored.map((i) => [idOf(i.by), i.compartment, idOf(i.target), i.reason]),
    live: ids(got.live),
  };
}

function wanted(changes, want) {
  const known = (name) => changes.get(name);
  const ids = (names) => [...new Set(names.map((name) => idOf(known(name))))];
  const sorted = (names) => [...new Set(names.map(known).sort(inOrder).map(idOf))];
  const fields = (list) =>
    list.map(({ field, standing }) => ({
      field,
      standing: standing.map(({ value, by }) => ({ value: comparable(value), by: ids(by) })),
    }));
  return {
    exists: want.exists,
    void: want.void,
    voidConflict: want.void_conflict,
    voidBy: ids(want.void_by),
    voidReason: [...row(want.void_reason)],
    partial: want.partial,
    operational: fields(want.operational),
    personal: fields(want.personal),
    held: sorted(want.held),
    unauthorised: sorted(want.unauthorised),
    ignored: want.ignored.map((i) => [idOf(known(i.by)), i.compartment, idOf(known(i.target)), i.reason]),
    live: sorted(want.live),
  };
}

// checkWins compares the words of a step with the state: who gives the shown value, and who else sets the field.
function checkWins(changes, wins, got) {
  for (const win of wins) {
    const where = `${win.compartment} field ${win.field}`;
    const field = got[win.compartment].find((f) => f.field === win.field);
    const shown = field?.standing[0]?.by.map(idOf) ?? [];
    equal(shown[0], idOf(changes.get(win.winner)), `${where}: winner`);
    for (const name of win.losers) {
      if (!changes.get(name)[win.compartment].has(win.field)) throw new Error(`${where}: ${name} does not set it`);
    }
  }
}
