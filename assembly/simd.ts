// Inner loops over vectors with 128-bit SIMD; twin of native/core/simd_*.cpp.
// No loop reads past its n.

function sumLanes(v: v128): f32 {
  return (
    f32x4.extract_lane(v, 0) +
    f32x4.extract_lane(v, 1) +
    (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3))
  );
}

/** Eight sums side by side: an addition takes as long as several can begin. */
export function dotF32(a: usize, b: usize, n: i32): f32 {
  let s0 = f32x4.splat(0);
  let s1 = f32x4.splat(0);
  let s2 = f32x4.splat(0);
  let s3 = f32x4.splat(0);
  let s4 = f32x4.splat(0);
  let s5 = f32x4.splat(0);
  let s6 = f32x4.splat(0);
  let s7 = f32x4.splat(0);
  let i: i32 = 0;
  for (; i + 32 <= n; i += 32) {
    s0 = f32x4.add(s0, f32x4.mul(v128.load(a), v128.load(b)));
    s1 = f32x4.add(s1, f32x4.mul(v128.load(a, 16), v128.load(b, 16)));
    s2 = f32x4.add(s2, f32x4.mul(v128.load(a, 32), v128.load(b, 32)));
    s3 = f32x4.add(s3, f32x4.mul(v128.load(a, 48), v128.load(b, 48)));
    s4 = f32x4.add(s4, f32x4.mul(v128.load(a, 64), v128.load(b, 64)));
    s5 = f32x4.add(s5, f32x4.mul(v128.load(a, 80), v128.load(b, 80)));
    s6 = f32x4.add(s6, f32x4.mul(v128.load(a, 96), v128.load(b, 96)));
    s7 = f32x4.add(s7, f32x4.mul(v128.load(a, 112), v128.load(b, 112)));
    a += 128;
    b += 128;
  }
  for (; i + 4 <= n; i += 4) {
    s0 = f32x4.add(s0, f32x4.mul(v128.load(a), v128.load(b)));
    a += 16;
    b += 16;
  }
  s0 = f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3));
  s4 = f32x4.add(f32x4.add(s4, s5), f32x4.add(s6, s7));
  let sum = sumLanes(f32x4.add(s0, s4));
  for (; i < n; i++) {
    sum += load<f32>(a) * load<f32>(b);
    a += 4;
    b += 4;
  }
  return sum;
}

export function l2F32(a: usize, b: usize, n: i32): f32 {
  let s0 = f32x4.splat(0);
  let s1 = f32x4.splat(0);
  let s2 = f32x4.splat(0);
  let s3 = f32x4.splat(0);
  let i: i32 = 0;
  for (; i + 16 <= n; i += 16) {
    const g0 = f32x4.sub(v128.load(a), v128.load(b));
    const g1 = f32x4.sub(v128.load(a, 16), v128.load(b, 16));
    const g2 = f32x4.sub(v128.load(a, 32), v128.load(b, 32));
    const g3 = f32x4.sub(v128.load(a, 48), v128.load(b, 48));
    s0 = f32x4.add(s0, f32x4.mul(g0, g0));
    s1 = f32x4.add(s1, f32x4.mul(g1, g1));
    s2 = f32x4.add(s2, f32x4.mul(g2, g2));
    s3 = f32x4.add(s3, f32x4.mul(g3, g3));
    a += 64;
    b += 64;
  }
  for (; i + 4 <= n; i += 4) {
    const gap = f32x4.sub(v128.load(a), v128.load(b));
    s0 = f32x4.add(s0, f32x4.mul(gap, gap));
    a += 16;
    b += 16;
  }
  let sum = sumLanes(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)));
  for (; i < n; i++) {
    const gap = load<f32>(a) - load<f32>(b);
    sum += gap * gap;
    a += 4;
    b += 4;
  }
  return sum;
}

/** 2^112: the step between the exponents of 16-bit and 32-bit floats. */
const HALF_STEP: f32 = reinterpret<f32>(0x77800000);

/** Four 16-bit floats as 32-bit ones; finite numbers only. */
function loadF16(at: usize): v128 {
  const wide = v128.load_ext<u16>(at);
  const sign = i32x4.shl(v128.and(wide, i32x4.splat(0x8000)), 16);
  const rest = i32x4.shl(v128.and(wide, i32x4.splat(0x7fff)), 13);
  return v128.or(f32x4.mul(rest, f32x4.splat(HALF_STEP)), sign);
}

export function f16ToF32(half: u32): f32 {
  const scaled = reinterpret<f32>((half & 0x7fff) << 13) * HALF_STEP;
  return reinterpret<f32>(reinterpret<u32>(scaled) | ((half & 0x8000) << 16));
}

/** Nearest, ties to even, of a number within the range of 16 bits. */
export function f32ToF16(value: f32): u16 {
  const bits = reinterpret<u32>(value);
  const sign = (bits >>> 16) & 0x8000;
  const rest = bits & 0x7fffffff;
  if (rest >= 0x477ff000) return <u16>(sign | 0x7c00);
  if (rest < 0x38800000) {
    const moved = reinterpret<f32>(rest) + <f32>0.5;
    return <u16>(sign | (reinterpret<u32>(moved) - 0x3f000000));
  }
  const odd = (rest >>> 13) & 1;
  return <u16>(sign | ((rest - 0x38000000 + 0xfff + odd) >>> 13));
}

export function dotF16(a: usize, b: usize, n: i32): f32 {
  let sums = f32x4.splat(0);
  let i: i32 = 0;
  for (; i + 4 <= n; i += 4) {
    sums = f32x4.add(sums, f32x4.mul(loadF16(a), loadF16(b)));
    a += 8;
    b += 8;
  }
  let sum = sumLanes(sums);
  for (; i < n; i++) {
    sum += f16ToF32(load<u16>(a)) * f16ToF32(load<u16>(b));
    a += 2;
    b += 2;
  }
  return sum;
}

export function l2F16(a: usize, b: usize, n: i32): f32 {
  let sums = f32x4.splat(0);
  let i: i32 = 0;
  for (; i + 4 <= n; i += 4) {
    const gap = f32x4.sub(loadF16(a), loadF16(b));
    sums = f32x4.add(sums, f32x4.mul(gap, gap));
    a += 8;
    b += 8;
  }
  let sum = sumLanes(sums);
  for (; i < n; i++) {
    const gap = f16ToF32(load<u16>(a)) - f16ToF32(load<u16>(b));
    sum += gap * gap;
    a += 2;
    b += 2;
  }
  return sum;
}

/** Exact sum of products of codes from -127 to 127. */
export function dotInt8(a: usize, b: usize, n: i32): i32 {
  let s0 = i32x4.splat(0);
  let s1 = i32x4.splat(0);
  let i: i32 = 0;
  for (; i + 16 <= n; i += 16) {
    s0 = i32x4.add(s0, i32x4.dot_i16x8_s(v128.load_ext<i8>(a), v128.load_ext<i8>(b)));
    s1 = i32x4.add(s1, i32x4.dot_i16x8_s(v128.load_ext<i8>(a, 8), v128.load_ext<i8>(b, 8)));
    a += 16;
    b += 16;
  }
  let sum = sumIntegers(i32x4.add(s0, s1));
  for (; i < n; i++) {
    sum += <i32>load<i8>(a) * <i32>load<i8>(b);
    a++;
    b++;
  }
  return sum;
}

/** As `dotInt8`, with `a` as 16-bit integers. */
export function dotInt16(a: usize, b: usize, n: i32): i32 {
  let s0 = i32x4.splat(0);
  let s1 = i32x4.splat(0);
  let s2 = i32x4.splat(0);
  let s3 = i32x4.splat(0);
  let i: i32 = 0;
  for (; i + 64 <= n; i += 64) {
    s0 = i32x4.add(s0, i32x4.dot_i16x8_s(v128.load(a), v128.load_ext<i8>(b)));
    s1 = i32x4.add(s1, i32x4.dot_i16x8_s(v128.load(a, 16), v128.load_ext<i8>(b, 8)));
    s2 = i32x4.add(s2, i32x4.dot_i16x8_s(v128.load(a, 32), v128.load_ext<i8>(b, 16)));
    s3 = i32x4.add(s3, i32x4.dot_i16x8_s(v128.load(a, 48), v128.load_ext<i8>(b, 24)));
    s0 = i32x4.add(s0, i32x4.dot_i16x8_s(v128.load(a, 64), v128.load_ext<i8>(b, 32)));
    s1 = i32x4.add(s1, i32x4.dot_i16x8_s(v128.load(a, 80), v128.load_ext<i8>(b, 40)));
    s2 = i32x4.add(s2, i32x4.dot_i16x8_s(v128.load(a, 96), v128.load_ext<i8>(b, 48)));
    s3 = i32x4.add(s3, i32x4.dot_i16x8_s(v128.load(a, 112), v128.load_ext<i8>(b, 56)));
    a += 128;
    b += 64;
  }
  for (; i + 32 <= n; i += 32) {
    s0 = i32x4.add(s0, i32x4.dot_i16x8_s(v128.load(a), v128.load_ext<i8>(b)));
    s1 = i32x4.add(s1, i32x4.dot_i16x8_s(v128.load(a, 16), v128.load_ext<i8>(b, 8)));
    s2 = i32x4.add(s2, i32x4.dot_i16x8_s(v128.load(a, 32), v128.load_ext<i8>(b, 16)));
    s3 = i32x4.add(s3, i32x4.dot_i16x8_s(v128.load(a, 48), v128.load_ext<i8>(b, 24)));
    a += 64;
    b += 32;
  }
  let sum = sumIntegers(i32x4.add(i32x4.add(s0, s1), i32x4.add(s2, s3)));
  for (; i < n; i++) {
    sum += <i32>load<i16>(a) * <i32>load<i8>(b);
    a += 2;
    b++;
  }
  return sum;
}

function sumIntegers(v: v128): i32 {
  return (
    i32x4.extract_lane(v, 0) +
    i32x4.extract_lane(v, 1) +
    (i32x4.extract_lane(v, 2) + i32x4.extract_lane(v, 3))
  );
}

/** y += alpha * x */
export function axpy(alpha: f32, x: usize, y: usize, n: i32): void {
  const wide = f32x4.splat(alpha);
  let i: i32 = 0;
  for (; i + 4 <= n; i += 4) {
    v128.store(y, f32x4.add(v128.load(y), f32x4.mul(wide, v128.load(x))));
    x += 16;
    y += 16;
  }
  for (; i < n; i++) {
    store<f32>(y, load<f32>(y) + alpha * load<f32>(x));
    x += 4;
    y += 4;
  }
}

/** One row against four, `stride` bytes apart; the four products go to `out`. */
export function dotsOfFour(row: usize, columns: usize, stride: usize, n: i32, out: usize): void {
  let s0 = f32x4.splat(0);
  let s1 = f32x4.splat(0);
  let s2 = f32x4.splat(0);
  let s3 = f32x4.splat(0);
  const c1 = columns + stride;
  const c2 = c1 + stride;
  const c3 = c2 + stride;
  let i: i32 = 0;
  let at: usize = 0;
  for (; i + 4 <= n; i += 4) {
    const left = v128.load(row + at);
    s0 = f32x4.add(s0, f32x4.mul(left, v128.load(columns + at)));
    s1 = f32x4.add(s1, f32x4.mul(left, v128.load(c1 + at)));
    s2 = f32x4.add(s2, f32x4.mul(left, v128.load(c2 + at)));
    s3 = f32x4.add(s3, f32x4.mul(left, v128.load(c3 + at)));
    at += 16;
  }
  let d0 = sumLanes(s0);
  let d1 = sumLanes(s1);
  let d2 = sumLanes(s2);
  let d3 = sumLanes(s3);
  for (; i < n; i++) {
    const left = load<f32>(row + at);
    d0 += left * load<f32>(columns + at);
    d1 += left * load<f32>(c1 + at);
    d2 += left * load<f32>(c2 + at);
    d3 += left * load<f32>(c3 + at);
    at += 4;
  }
  store<f32>(out, d0);
  store<f32>(out, d1, 4);
  store<f32>(out, d2, 8);
  store<f32>(out, d3, 12);
}

/** out[c] = row . columns[c] for every column. */
export function dotsOfRow(row: usize, columns: usize, count: i32, n: i32, out: usize): void {
  const stride = (<usize>n) << 2;
  let c: i32 = 0;
  for (; c + 4 <= count; c += 4)
    dotsOfFour(row, columns + <usize>c * stride, stride, n, out + ((<usize>c) << 2));
  for (; c < count; c++) store<f32>(out + ((<usize>c) << 2), dotF32(row, columns + <usize>c * stride, n));
}
