import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { short } from './table.ts';

/** A plot of lines. */
export interface Plot {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  /** Axes that grow by factors of ten; their values must be above 0. */
  readonly logarithmic?: { readonly x?: boolean; readonly y?: boolean };
  readonly lines: readonly Line[];
}

/** A line of points, by rising x. */
export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** For goals and bounds. */
  readonly dashed?: boolean;
}

const [width, height] = [720, 400];
const frame = { left: 80, right: 520, top: 40, bottom: 340 };
const colours = ['#0b6e99', '#c2410c', '#15803d', '#7e22ce', '#a16207', '#be123c'];

/** Writes a plot as `bench/<name>.svg`. */
export function writePlot(name: string, plot: Plot): void {
  writeFileSync(fileURLToPath(new URL(`../${name}.svg`, import.meta.url)), svg(plot));
}

function svg({ title, x, y, logarithmic = {}, lines }: Plot): string {
  const points = lines.flatMap((line) => line.points);
  const across = scale(
    points.map(([value]) => value),
    logarithmic.x ?? false,
    [frame.left, frame.right],
  );
  const up = scale(
    points.map(([, value]) => value),
    logarithmic.y ?? false,
    [frame.bottom, frame.top],
  );
  const middle = (frame.left + frame.right) / 2;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    text(middle, 22, title, 'middle', 'font-size="15"'),
    ...across.ticks.flatMap((tick) => [
      stroke(across.at(tick), frame.top, across.at(tick), frame.bottom),
      text(across.at(tick), frame.bottom + 18, short(tick), 'middle'),
    ]),
    ...up.ticks.flatMap((tick) => [
      stroke(frame.left, up.at(tick), frame.right, up.at(tick)),
      text(frame.left - 8, up.at(tick) + 4, short(tick), 'end'),
    ]),
    text(middle, height - 16, x, 'middle'),
    text(18, 190, y, 'middle', 'transform="rotate(-90 18 190)"'),
    ...lines.flatMap((line, index) => drawn(line, index, across.at, up.at)),
    '</svg>\n',
  ].join('\n');
}

type Place = (value: number) => number;

function drawn({ name, points, dashed }: Line, index: number, x: Place, y: Place): string[] {
  const colour = colours[index % colours.length] ?? '';
  const path = points.map(([a, b]) => `${x(a).toFixed(1)},${y(b).toFixed(1)}`);
  const legend = frame.top + 12 + index * 20;
  const dashes = dashed ? ' stroke-dasharray="6 4"' : '';
  return [
    `<polyline points="${path.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"${dashes}/>`,
    ...(dashed
      ? []
      : path.map((point) => {
          const [cx, cy] = point.split(',');
          return `<circle cx="${cx}" cy="${cy}" r="3" fill="${colour}"/>`;
        })),
    `<path d="M${frame.right + 12} ${legend - 4}h20" stroke="${colour}" stroke-width="2"${dashes}/>`,
    text(frame.right + 38, legend, name, 'start'),
  ];
}

/** Where values stand, and which are marked. */
function scale(
  values: readonly number[],
  logarithmic: boolean,
  [from, to]: readonly [number, number],
): { at: Place; ticks: number[] } {
  const bend = logarithmic ? Math.log10 : (value: number) => value;
  const bent = values.map(bend);
  const low = logarithmic ? Math.floor(Math.min(...bent)) : Math.min(0, ...bent);
  const step = logarithmic ? 1 : niceStep(Math.max(...bent) - low);
  const high = Math.max(low + step, Math.ceil(Math.max(...bent) / step) * step);
  const count = Math.round((high - low) / step) + 1;
  const steps = Array.from({ length: count }, (_, index) => low + index * step);
  return {
    at: (value) => from + ((bend(value) - low) / (high - low)) * (to - from),
    ticks: steps.map((value) => (logarithmic ? 10 ** value : value)),
  };
}

/** 1, 2 or 5 times a power of ten: some five steps. */
function niceStep(range: number): number {
  const power = 10 ** Math.floor(Math.log10(range / 5 || 1));
  return ([1, 2, 5, 10].find((factor) => range / (factor * power) <= 6) ?? 10) * power;
}

function text(x: number, y: number, content: string, anchor: string, more = ''): string {
  const safe = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" ${more}>${safe}</text>`;
}

function stroke(x1: number, y1: number, x2: number, y2: number): string {
  return `<path d="M${x1.toFixed(1)} ${y1.toFixed(1)}L${x2.toFixed(1)} ${y2.toFixed(1)}" stroke="#ddd"/>`;
}
