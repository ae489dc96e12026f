// What an operation sends back to an entry of an operand, term by term: upstream × local.

import { flat, index } from "./numbers.js";

const MOVES = new Set(["reshape", "transpose", "swapaxes", "stack", "concatenate", "astype"]);

/**
 * The terms of what a node sends back: [upstream, local] each; null where they are not known.
 *
 * @param reader the operation; @param position of the operand in it; @param entry of the operand
 * @param sent what goes back to it, if that is known
 * @param read (node, "value" or "gradient") → all entries, or null
 */
export function terms(scene, reader, position, entry, sent, read) {
  const upstream = read(reader.number, "gradient");
  const operand = scene.node(reader.operands[position]), { primitive, shape } = reader;
  if (!upstream) return null;
  const where = index(entry, operand.shape);
  if (reader.partials) {
    const local = reader.partials[position];
    return Array.isArray(local) ? chosen(upstream, shape, (at, k) => (flat(operand.shape, at) === entry ? local[k] : null)) : null;
  }
  if (primitive === "matmul" && reader.operands.length === 2) {
    const other = reader.operands[1 - position];
    const values = Array.isArray(other) ? null : read(other, "value");
    return values && products(upstream, shape, position, where, operand.shape, values, scene.node(other).shape);
  }
  if (primitive === "affine") { // x Wᵀ + b
    const [x, weight] = reader.operands.map((number) => (Array.isArray(number) ? null : read(number, "value")));
    const i = where.at(-1), width = scene.node(reader.operands[1]).shape[1], rows = (at) => flat(shape.slice(0, -1), at.slice(0, -1));
    if (!x || !weight) return null;
    if (position === 0) return chosen(upstream, shape, (at) => (String(at.slice(0, -1)) === String(where.slice(0, -1)) ? weight[at.at(-1) * width + i] : null));
    return chosen(upstream, shape, (at) => (at.at(-1) !== where[0] ? null : position === 1 ? x[rows(at) * width + i] : 1));
  }
  if (primitive === "softmax" && reader.axes) {
    const y = read(reader.number, "value"), [axis] = reader.axes;
    return y && chosen(upstream, shape, (at, k) => (at.every((i, a) => a === axis || i === where[a]) ? y[k] * ((k === entry) - y[entry]) : null));
  }
  if (primitive === "log_softmax" && reader.axes) {
    const y = read(reader.number, "value"), [axis] = reader.axes;
    return y && chosen(upstream, shape, (at, k) => (at.every((i, a) => a === axis || i === where[a]) ? (k === entry) - Math.exp(y[entry]) : null));
  }
  if (primitive === "sum" && reader.axes) {
    const kept = where.filter((_, a) => !reader.axes.includes(a)), same = where.map((i, a) => (reader.axes.includes(a) ? 0 : i));
    return chosen(upstream, shape, (at) => (String(at) === String(at.length === kept.length ? kept : same) ? 1 : null));
  }
  return MOVES.has(primitive) && sent !== undefined ? [[sent, 1]] : null;
}

/** A term for each entry of the output that has a local derivative. */
function chosen(upstream, shape, local) {
  const found = [];
  for (let k = 0; k < upstream.length; k++) {
    const slope = local(index(k, shape), k);
    if (slope !== null) found.push([upstream[k], slope]);
  }
  return found;
}

/** Of a matrix product; a vector is a row on the left and a column on the right, and stacks broadcast. */
function products(upstream, shape, position, where, mine, values, other) {
  const left = position === 0, vectors = [left ? mine : other, left ? other : mine].map((s) => s.length === 1);
  const full = (s, onTheLeft) => (s.length > 1 ? s : onTheLeft ? [1, ...s] : [...s, 1]);
  const out = shape.slice(0, shape.length - (vectors[0] ? 0 : 1) - (vectors[1] ? 0 : 1));
  out.push(vectors[0] ? 1 : shape[out.length], vectors[1] ? 1 : shape.at(-1));
  const own = full(mine, left), its = full(other, !left), found = [];
  const [i, j] = mine.length > 1 ? where.slice(-2) : left ? [0, ...where] : [...where, 0];
  const stacked = (s, stack) => flat(s.slice(0, -2), stack.slice(stack.length - s.length + 2));
  const here = stacked(own, where.length > 2 ? where.slice(0, -2) : []);
  for (let k = 0; k < upstream.length; k++) {
    const at = index(k, out), stack = at.slice(0, -2), [r, c] = at.slice(-2);
    if ((left ? r !== i : c !== j) || stacked(own, stack) !== here) continue;
    const place = left ? [j, c] : [r, i];
    found.push([upstream[k], values[stacked(its, stack) * its.at(-2) * its.at(-1) + place[0] * its.at(-1) + place[1]]]);
  }
  return found;
}
