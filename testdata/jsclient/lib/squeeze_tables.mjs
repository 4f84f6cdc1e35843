// The three tables of squeeze: squeeze/SPEC.md section 2.

const SQUASH = new Int32Array(4095); // squash[i] stands at i + 2047
export const STRETCH = new Int16Array(4096);
export const RATE = new Int32Array(31);

function makeSquash() {
  let e = 2 ** 30;
  for (let i = 0; i < 2048; i++) {
    const p = Math.floor(2 ** 46 / (2 ** 30 + e));
    SQUASH[2047 + i] = p;
    SQUASH[2047 - i] = 65536 - p;
    e -= Math.floor((e * 65408) / 2 ** 24);
  }
}

function makeStretch() {
  for (let q = 0; q < 4096; q++) {
    let i = q === 0 ? -2047 : STRETCH[q - 1];
    while (i < 2047 && squash(i) < 16 * q + 8) i++;
    STRETCH[q] = i;
  }
}

export const squash = (i) => SQUASH[i + 2047];

makeSquash();
makeStretch();
for (let n = 0; n < 31; n++) RATE[n] = Math.floor(65536 / (2 * n + 3));
