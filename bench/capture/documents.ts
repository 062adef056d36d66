/** A captured document: 10 fields, 1,017 bytes of JSON on average. */
export interface CaptureDocument {
  readonly id: string;
  readonly site: string;
  readonly inspector: string;
  readonly status: string;
  readonly reading: number;
  readonly visits: number;
  readonly inspected_on: string;
  readonly title: string;
  readonly note: string;
  readonly measures: string;
}

const WORDS =
  `door closed gauge read twice nothing else report valve tight pump warm roof dry cellar
  damp cable loose fuse replaced filter cleaned next visit before winter owner informed photo
  attached paint flaking stairs safe lamp broken ladder missing meter sealed pressure steady
  noise from fan key returned to office no water in shaft wall cracked near window`.split(/\s+/);
const STATUSES = ['ok', 'watch', 'fail'] as const;
const MODULUS = 2_147_483_647;
const TITLE_CHARACTERS = 60;
const NOTE_CHARACTERS = 440;
const MEASURES_CHARACTERS = 300;

/** Documents with word-like text, drawn from `prefix` alone: every store gets equal documents. */
export function documentsOf(prefix: string, count: number): CaptureDocument[] {
  const draw = drawsOf(prefix);
  return Array.from({ length: count }, (_, n) => ({
    id: `${prefix}-${String(n).padStart(6, '0')}`,
    site: `site-${draw(97)}`,
    inspector: `${wordOf(draw)}.${wordOf(draw)}`.padEnd(14, 'x'),
    status: STATUSES[draw(STATUSES.length)] ?? 'ok',
    reading: draw(1_000),
    visits: 1 + draw(9),
    inspected_on: `2026-${twoDigits(1 + draw(12))}-${twoDigits(1 + draw(28))}`,
    title: textOf(draw, TITLE_CHARACTERS),
    note: textOf(draw, NOTE_CHARACTERS),
    measures: textOf(draw, MEASURES_CHARACTERS),
  }));
}

type Draw = (below: number) => number;

/** The generator of Park and Miller, seeded by the characters of `seed`. */
function drawsOf(seed: string): Draw {
  let state = 1;
  for (let n = 0; n < seed.length; n++)
    state = 1 + ((state * 31 + seed.charCodeAt(n)) % (MODULUS - 1));
  return (below) => {
    state = (state * 48_271) % MODULUS;
    return Math.floor((state / MODULUS) * below);
  };
}

const wordOf = (draw: Draw): string => WORDS[draw(WORDS.length)] ?? '';
const twoDigits = (n: number): string => String(n).padStart(2, '0');

function textOf(draw: Draw, characters: number): string {
  let text = wordOf(draw);
  while (text.length < characters) text += ` ${wordOf(draw)}`;
  return text.slice(0, characters);
}
