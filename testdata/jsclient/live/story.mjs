// The live part: a phone of this client and a real centre, told in steps that build on each other.

import { hex, show, unhex, uuidOctets, uuidText } from '../lib/octets.mjs';
import { writeBundle } from '../lib/bundle.mjs';
import { sealRequest } from '../lib/envelope.mjs';
import { CREATE, SET } from '../lib/header.mjs';
import { encodeBody } from '../lib/message.mjs';
import { covers, outcomeOf, verifyReceipt } from '../lib/receipt.mjs';
import { LIST, fieldOf } from '../lib/value.mjs';
import { equal } from '../vectors/compare.mjs';
import { Centre } from './centre.mjs';
import { Failure, Phone, date, int, text, uuid } from './phone.mjs';
import fs from 'node:fs';
import path from 'node:path';

const ACTIVITY = 7;
const KIND = 4;
const UNIT = 'test-2025:90001';
const VILLAGE = 'test-2025:90001-01';
const PERSON = { id: '000190000001', name: 'Nguyễn Văn Thử', phone: '0900000002', note: 'Người thử nghiệm, không có thật.' };

const texts = (...items) => items.map((item) => Buffer.from(item, 'utf8'));

export class Story {
  constructor(bin) {
    this.bin = bin;
  }

  // steps gives the tests in order; each needs those before it.
  steps() {
    return [
      ['a centre starts', () => this.start()],
      ['it takes the reference data in', () => this.import()],
      ['a joining code leads to the pinned centre', () => this.code()],
      ['both sides see the same six digits', () => this.compare()],
      ['the phone joins and holds a credential', () => this.join()],
      ['the code is spent', () => this.spent()],
      ['the feeds bring the definitions', () => this.feeds()],
      ['one activity is carried to the centre and receipted', () => this.carry()],
      ['sent again it is a repeat, and nothing is doubled', () => this.repeat()],
      ['the centre holds one record, accepted, with what was sealed', () => this.held()],
      ['a change whose seal was damaged is refused, and named', () => this.damaged()],
      ['a change after a gap is kept, and the gap is named', () => this.gap()],
      ['a change on a bundle reaches the same record', () => this.bundle()],
      ['failures are problem documents', () => this.failures()],
    ].map(([name, run]) => ({ name, run }));
  }

  async start() {
    this.centre = await Centre.start(this.bin);
  }

  async stop() {
    await this.centre?.stop();
  }

  async import() {
    const files = { units: ['units.csv', 3], teams: ['teams.csv', 1], members: ['members.csv', 1], kinds: ['kinds.json', 1] };
    for (const [what, [file, rows]] of Object.entries(files)) {
      const got = await this.centre.importInvented(what, file);
      equal({ new: got.new, bad: got.bad }, { new: rows, bad: [] }, what);
    }
    [this.team] = await this.centre.table('teams');
    equal(this.team.unit, UNIT, 'unit of the team');
  }

  async code() {
    const code = await this.centre.json('code', 'new', '--team', this.team.team_id);
    this.phone = new Phone(code.uri);
    await this.phone.fetchNotice();
  }

  // compare plays the officer: the phone is not in before the digits on both sides were found equal.
  async compare() {
    const promised = await this.phone.askIn('Điện thoại thử, JavaScript');
    const waiting = await this.phone.askIn('Điện thoại thử, JavaScript');
    equal([promised.more, waiting.more, waiting.welcome], [true, true, undefined], 'before the officer says so');
    const name = show(this.phone.link.code).slice(0, 4);
    const [listed] = (await this.centre.json('code', 'list')).filter((c) => c.name === name);
    equal([listed.state, listed.digits], ['waiting', this.phone.digits], 'what the officer sees');
    await this.centre.json('code', 'confirm', name, this.phone.digits);
  }

  async join() {
    await this.phone.join('Điện thoại thử, JavaScript');
    const { role, unit, team, members } = this.phone.welcome;
    equal([show(role), show(unit), uuidText(team)], ['phone', UNIT, this.team.team_id], 'welcome');
    equal(members.map((m) => show(m.name)), ['Lý Thị Thử'], 'members');
    equal([this.phone.grant.role, this.phone.grant.units], ['phone', [UNIT]], 'credential');
    const [listed] = (await this.centre.table('custody')).filter((row) => row.origin === this.phone.name());
    equal(listed?.label, 'Điện thoại thử, JavaScript', 'device at the centre');
  }

  // spent joins with the same code once more, as another device.
  async spent() {
    const other = new Phone(await this.link());
    await other.fetchNotice();
    await refused('code-spent', () => other.join('another'));
  }

  async link() {
    const { server, fingerprint, code } = this.phone.link;
    return `thonsync:join?server=${encodeURIComponent(server)}&centre=${fingerprint.toString('base64url')}&code=${code}`;
  }

  async feeds() {
    await this.phone.readFeeds();
    equal([...this.phone.entries.keys()].sort(), ['common', UNIT], 'feeds');
    const common = this.phone.entries.get('common').filter((e) => collectionOf(e) === KIND);
    equal(common.map((e) => show(fieldOf(e.operational, 2).value)), ['TN'], 'kinds');
    const kind = JSON.parse(show(fieldOf(common[0].operational, 5).value));
    equal([kind.code, kind.person, kind.fields.length], ['TN', true, 4], 'definition of the kind');
    const own = this.phone.entries.get(UNIT).filter((e) => collectionOf(e) === 6);
    equal(own.map((e) => hex(fieldOf(e.operational, 4).value)), [hex(this.phone.origin)], 'the device in its own feed');
    if (!this.phone.beacon) throw new Error('no beacon came');
    this.read = new Map([...this.phone.checkpoints].map(([feed, c]) => [feed, c.position]));
  }

  makeActivity() {
    const now = new Date();
    const author = this.phone.welcome.members[0].id;
    const operational = [
      text(1, VILLAGE),
      text(2, 'TN'),
      date(3, now.getFullYear(), now.getMonth() + 1, now.getDate()),
      uuid(4, uuidOctets(this.team.team_id)),
      text(5, 'done'),
      text(32, 'booked'),
      int(33, 2),
      { num: 34, type: LIST, value: texts('no_papers', 'no_transport') },
    ];
    const personal = [
      text(1, PERSON.id), text(2, PERSON.name), date(3, 1990), text(4, 'male'), text(5, PERSON.phone), text(7, PERSON.note),
    ];
    this.activity = this.phone.record(ACTIVITY, CREATE, [uuid(6, author)], operational, personal);
  }

  async carry() {
    this.before = await this.total();
    this.makeActivity();
    const segment = this.phone.segment();
    for (const personal of Object.values(PERSON)) {
      if (segment.includes(Buffer.from(personal))) throw new Error('a personal value stands in the segment');
    }
    const answer = await this.phone.exchange({ segments: [segment] });
    equal(answer.problems ?? [], [], 'problems');
    this.checkReceipt(answer, 1n);
  }

  // checkReceipt sees to the signed word that the centre received all changes up to seq.
  checkReceipt(answer, seq) {
    const head = this.phone.heads[Number(seq)];
    const receipt = (answer.receipts ?? []).find((r) => r.mark === 'received' && r.last === seq);
    if (!receipt) throw new Error(`no receipt up to ${seq} came`);
    verifyReceipt(receipt, this.phone.centre);
    equal(hex(receipt.origin), hex(this.phone.origin), 'origin of the receipt');
    equal([hex(receipt.o), hex(receipt.p)], [hex(head.o), hex(head.p)], 'hashes of the receipt');
    equal([covers(receipt, seq), outcomeOf(receipt, seq), receipt.exceptions], [true, 'accepted', []], 'outcome');
    const shown = this.headIn(answer);
    equal(shown && [shown.seq, hex(shown.o), hex(shown.p)], [seq, hex(head.o), hex(head.p)], 'head at the centre');
  }

  async repeat() {
    const answer = await this.phone.exchange({ segments: [this.phone.segment()] });
    equal(answer.problems ?? [], [], 'problems');
    equal(this.headIn(answer)?.seq, 1n, 'head');
    const row = await this.custody();
    equal([row.head, row.outcomes, row.accepted, row.missing, row.repeats], [1, 1, 1, 0, 1], 'custody');
  }

  async custody() {
    const rows = (await this.centre.table('custody')).filter((row) => row.origin === this.phone.name());
    equal(rows.length, 1, 'rows of this phone');
    return rows[0];
  }

  async held() {
    const total = await this.total();
    equal(total, { head: this.before.head + 1, accepted: this.before.accepted + 1 }, 'changes at the centre');
    const status = await this.statusWith(total.head);
    equal(status.outcomes, [{ outcome: 'accepted', changes: total.accepted }], 'nothing but accepted');
    equal([status.missing, status.phones], [0, 1], 'nothing missing');
    const record = JSON.stringify(await this.onlyRecord());
    for (const value of Object.values(PERSON)) {
      if (!record.includes(value)) throw new Error('a personal value did not arrive');
    }
  }

  // total sums what the centre holds of all devices, itself included.
  async total() {
    const sum = (rows, name) => rows.reduce((n, row) => n + row[name], 0);
    const rows = await this.centre.table('custody');
    return { head: sum(rows, 'head'), accepted: sum(rows, 'accepted') };
  }

  // statusWith waits until the status shows a number of changes: the centre counts anew every few seconds only.
  async statusWith(changes) {
    const deadline = Date.now() + 60_000;
    for (;;) {
      const status = await this.centre.json('status');
      if (status.changes === changes) return status;
      if (Date.now() > deadline) throw new Error(`the status shows ${status.changes} changes, want ${changes}`);
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }

  async onlyRecord() {
    const records = await this.centre.exported('check');
    equal(records.length, 1, 'records at the centre');
    const text = JSON.stringify(records[0]);
    if (!text.includes(uuidText(this.activity.record))) throw new Error('the record has another id than was derived here');
    return records[0];
  }

  // damaged sends a segment one bit of whose seal has changed on the way.
  async damaged() {
    const segment = Buffer.from(this.phone.segment());
    segment[segment.length - 1] ^= 1;
    await this.expectProblem(segment, 'bad-signature');
  }

  // gap sends the third change without the second: it is kept, and what lacks is named.
  async gap() {
    this.change('brought');
    this.change('booked');
    const answer = await this.phone.exchange({ segments: [this.phone.segment(3n, 3n)] });
    equal(answer.problems ?? [], [], 'problems');
    equal(this.headIn(answer).seq, 1n, 'head');
    const own = answer.receipts.filter((r) => r.first === 3n && r.last === 3n && r.mark === 'received');
    equal(own.map((r) => [covers(r, 2n), covers(r, 3n)]), [[false, true]], 'receipts');
    const row = await this.custody();
    equal([row.head, row.outcomes, row.missing, row.gaps], [3, 2, 1, "2"], 'custody');
  }

  headIn(answer) {
    return (answer.heads ?? []).find((h) => hex(h.origin) === hex(this.phone.origin));
  }

  async expectProblem(segment, code) {
    const answer = await this.phone.exchange({ segments: [segment] });
    const problems = (answer.problems ?? []).map((p) => [Number(p.index), show(p.code)]);
    equal(problems, [[0, code]], 'problems');
    equal(this.headIn(answer)?.seq, 1n, 'head');
    equal((answer.receipts ?? []).filter((r) => r.last > 1n), [], 'receipts');
  }

  change(stage) {
    const personal = [text(7, `${PERSON.note} ${stage}`)];
    return this.phone.record(ACTIVITY, SET, [uuid(4, this.activity.record)], [text(32, stage)], personal);
  }

  // bundle carries both later changes on a stick, and finds their receipt in the next exchange.
  async bundle() {
    const file = path.join(this.centre.folder, 'stick.thonsync');
    const chain = encodeBody({ extra: [{ origin: this.phone.origin, credentials: texts(...this.phone.chain) }] }, 'request');
    fs.writeFileSync(file, writeBundle([{ kind: 1, data: chain }, { kind: 2, data: this.phone.segment(1n, 3n) }]));
    await this.centre.command('bundle', 'import', file);
    this.checkReceipt(await this.phone.exchange(), 3n);
    const row = await this.custody();
    equal([row.head, row.outcomes, row.accepted, row.missing], [3, 3, 3, 0], 'custody');
    const record = await this.onlyRecord();
    if (!JSON.stringify(record).includes(`${PERSON.note} booked`)) throw new Error('the last note is not shown');
  }

  async failures() {
    const { phone } = this;
    await refused('method-not-allowed', () => phone.post(undefined, { method: 'GET' }));
    await refused('content-encoding', () => phone.post(Buffer.from('x'), { headers: { 'content-encoding': 'gzip' } }));
    await refused('malformed', () => phone.post(Buffer.from('x')));
    await refused('version', () => phone.post(Buffer.concat([unhex('54535102'), Buffer.alloc(100)])));
    const sealed = (exchange, key = phone.pair.private) =>
      sealRequest(encodeBody(phone.requestBody({}), 'request'), key, exchange).octets;
    const serial = phone.notice.serial;
    await refused('old-key', () => phone.post(sealed(phone.pair.public)));
    equal(phone.notice.serial, serial, 'serial of the notice');
    const tampered = sealed(phone.notice.exchange);
    tampered[60] ^= 1;
    await refused('unreadable', () => phone.post(tampered));
    await refused('bad-signature', () => phone.post(sealed(phone.notice.exchange, new Phone('thonsync:join?server=x&centre=x&code=x').pair.private)));
    const stranger = new Phone(await this.link());
    await stranger.fetchNotice();
    await refused('credential', () => stranger.exchange());
  }
}

const collectionOf = (entry) => (entry.ruling ? undefined : Number(fieldOf(entry.header, 2).value));

async function refused(code, run) {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    equal(error.problem.code, code, `refused (${error.message})`);
    return;
  }
  throw new Error(`not refused, want ${code}`);
}
