// A picture of a bank as SVG text: users and prototypes in the plane in which they differ most.
// Knows where to draw; the plane is `principal-axes.ts`.

import { PgenrmError } from '../errors.js';
import type { PrototypeBank } from './bank.js';
import { asStoredUser } from './file/stored-user.js';
import { checkEmbeddings } from './inspect-bank.js';
import { principalAxes } from './principal-axes.js';

/** How a map is drawn. */
export interface MapOptions {
  /** Most users drawn, evenly picked where a bank has more; default 2000. */
  readonly users?: number;
  readonly signal?: AbortSignal;
}

const WIDTH = 960;
const HEIGHT = 680;
const MARGIN = 40;
const CAPTION = 56;

/**
 * Draws users (the mean of their members' embeddings) and prototypes by principal component analysis. The picture
 * is readable on light and dark grounds; names stand in titles that a viewer shows when pointed at.
 *
 * Later additions are not drawn. Memory: the embeddings of the users drawn. Errors: `INVALID_OPTION`,
 * `BANK_DAMAGED`, `DISPOSED`. Rejects with the signal's reason where it aborts.
 */
export async function mapBank(bank: PrototypeBank, options: MapOptions = {}): Promise<string> {
  const limit = options.users ?? 2000;
  if (!Number.isInteger(limit) || limit < 1 || limit > 100_000) {
    throw new PgenrmError('INVALID_OPTION', `users must be an integer from 1 to 100000; got ${limit}`);
  }
  const { files, dimension } = bank;
  await checkEmbeddings(files);
  const total = bank.manifest.counts.users;
  const shown = Math.min(total, limit);
  const users = Array.from({ length: shown }, (_, index) => Math.floor((index * total) / shown));
  const rows = new Float32Array(shown * dimension);
  const names: string[] = [];
  const home: number[] = [];
  for (const [index, user] of users.entries()) {
    options.signal?.throwIfAborted();
    const { mean, prototype } = await meanOf(bank, user);
    rows.set(mean, index * dimension);
    home.push(prototype);
    names.push(asStoredUser(files.users.path, await files.users.read(user)).id);
  }
  const { points, explained, project } = principalAxes(rows, dimension);
  const centres = project(files.prototypes);
  const place = scale(points, centres);
  const dots = users.map((_, index) => {
    const [x, y] = place(points, index);
    return `<circle cx="${x}" cy="${y}" r="3.5" fill="${colour(home[index]!)}" fill-opacity="0.75"><title>${escaped(names[index]!)}, prototype ${home[index]}</title></circle>`;
  });
  const marks = Array.from({ length: bank.prototypeCount }, (_, prototype) => {
    const [x, y] = place(centres, prototype);
    const size = files.tables.prototypeStart[prototype + 1]! - files.tables.prototypeStart[prototype]!;
    return `<g><title>prototype ${prototype}, ${size} members</title><path d="M${x} ${y - 8}l8 8l-8 8l-8 -8z" fill="${colour(prototype)}" stroke="#222222" class="edge" stroke-width="1.5"/><text x="${x + 11}" y="${y + 4}" class="ink" fill="#222222">${prototype}</text></g>`;
  });
  const share = (value: number): string => `${Math.round(value * 100)}%`;
  const caption = `${shown === total ? shown : `${shown} of ${total}`} users (dots) and ${bank.prototypeCount} prototypes (diamonds) of ${bank.manifest.counts.members} members`;
  const axes = `principal components of the embeddings: across ${share(explained[0])} of the users' variance, up ${share(explained[1])}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-label="${caption}" font-family="system-ui, sans-serif" font-size="13">
<style>@media (prefers-color-scheme: dark) { .ground { fill: #16181c } .ink { fill: #e6e6e6 } .edge { stroke: #e6e6e6 } }</style>
<rect width="100%" height="100%" fill="#ffffff" class="ground"/>
${[...dots, ...marks].join('\n')}
<text x="${MARGIN}" y="${HEIGHT - 32}" class="ink" fill="#222222">${caption}</text>
<text x="${MARGIN}" y="${HEIGHT - 13}" class="ink" fill="#222222">${axes}</text>
</svg>
`;
}

/** Mean of a user's embeddings, and the prototype that most of their members have. */
async function meanOf(bank: PrototypeBank, user: number): Promise<{ mean: Float32Array; prototype: number }> {
  const { tables, vectors } = bank.files;
  const members = tables.userMembers.subarray(
    tables.userMemberStart[user]!,
    tables.userMemberStart[user + 1]!,
  );
  const mean = new Float32Array(bank.dimension);
  const counts = new Map<number, number>();
  for (const member of members) {
    const row = await vectors.rows('embeddings', 'F32', member, member + 1);
    for (let i = 0; i < mean.length; i += 1) mean[i]! += row[i]! / members.length;
    const prototype = tables.prototypeStart.findIndex((start) => start > member) - 1;
    counts.set(prototype, (counts.get(prototype) ?? 0) + 1);
  }
  const most = [...counts].reduce((best, next) => (next[1] > best[1] ? next : best), [0, 0]);
  return { mean, prototype: most[0] };
}

/** Fits points into the picture, one scale for both axes. */
function scale(...sets: Float64Array[]): (points: Float64Array, index: number) => [number, number] {
  const low = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  const high = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const points of sets) {
    points.forEach((value, at) => {
      low[at % 2] = Math.min(low[at % 2]!, value);
      high[at % 2] = Math.max(high[at % 2]!, value);
    });
  }
  const width = WIDTH - 2 * MARGIN;
  const height = HEIGHT - 2 * MARGIN - CAPTION;
  const [spanX, spanY] = [high[0]! - low[0]!, high[1]! - low[1]!];
  const zoom = Math.min(width / (spanX || 1e-9), height / (spanY || 1e-9));
  const factor = spanX === 0 && spanY === 0 ? 0 : zoom;
  const round = (value: number): number => Math.round(value * 10) / 10;
  return (points, index) => [
    round(MARGIN + width / 2 + (points[2 * index]! - (low[0]! + high[0]!) / 2) * factor),
    round(MARGIN + height / 2 - (points[2 * index + 1]! - (low[1]! + high[1]!) / 2) * factor),
  ];
}

/** A colour of middling lightness, hues spread by the golden angle. */
function colour(prototype: number): string {
  const hue = (prototype * 137.508) % 360;
  const lightness = [0.5, 0.42, 0.58][Math.floor(prototype / 12) % 3]!;
  const strength = 0.62 * Math.min(lightness, 1 - lightness);
  const channel = (n: number): string => {
    const k = (n + hue / 30) % 12;
    const value = lightness - strength * Math.max(-1, Math.min(k - 3, 9 - k, 1));
    return Math.round(value * 255)
      .toString(16)
      .padStart(2, '0');
  };
  return `#${channel(0)}${channel(8)}${channel(4)}`;
}

/** Text that may stand in XML: control characters have no place there, not even escaped. */
function escaped(text: string): string {
  const names: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return text
    .slice(0, 200)
    .replace(/[\p{Cc}\p{Cs}\ufffe\uffff]/gu, '')
    .replace(/[&<>"]/g, (sign) => names[sign]!);
}
