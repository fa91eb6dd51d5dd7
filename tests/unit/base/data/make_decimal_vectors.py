#!/usr/bin/env python3
"""Makes decimal_vectors.txt with Python's own decimal module: an independent answer for base/decimal.

Lines: op a b scale rounding result. An operand that an operation does not use is "-"; result is text, or "invalid" / "limit".
"""
import random
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, getcontext

getcontext().prec = 200
LIMIT = 10**38
ROUNDINGS = {"down": ROUND_DOWN, "half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN}
rng = random.Random(20200229)


def scale_of(d):
    return -d.as_tuple().exponent


def coefficient(d):
    return abs(int(d.scaleb(scale_of(d))))


def number():
    digits = rng.choice([1, 2, 3, 5, 8, 12, 18, 19, 25, 30, 37, 38])
    scale = rng.choice([0, 0, 1, 2, 6, 8, 9, 17, 18])
    c = rng.choice([rng.randrange(10**digits), 10**digits - 1, 10 ** (digits - 1), rng.randrange(100) * 10 ** max(0, digits - 2)])
    return Decimal(rng.choice([1, 1, -1]) * min(c, LIMIT - 1)).scaleb(-scale)


def text(d, scale):
    q = d.quantize(Decimal(1).scaleb(-scale))
    assert q == d
    if q == 0:
        q = abs(q)
    return f"{q:f}"


def exact(d, scale):
    return "limit" if abs(int(d.scaleb(scale))) >= LIMIT else text(d, scale)


def show(d):
    return text(d, scale_of(d))


def mul(a, b):
    p = a * b
    scale = scale_of(a) + scale_of(b)
    if p == 0:
        return text(Decimal(0), min(scale, 18))
    c = coefficient(a) * coefficient(b)
    while scale > 18 and c % 10 == 0:
        c //= 10
        scale -= 1
    if scale > 18 or c >= LIMIT:
        return "limit"
    return text(p, scale)


def div(a, b, scale, rounding):
    if b == 0:
        return "invalid"
    getcontext().rounding = ROUNDINGS[rounding]
    num = int(a.scaleb(scale_of(a))) * 10 ** (scale + scale_of(b))
    den = int(b.scaleb(scale_of(b))) * 10 ** scale_of(a)
    q, r = divmod(abs(num), abs(den))
    if rounding != "down" and (2 * r > abs(den) or (2 * r == abs(den) and (rounding == "half_up" or q % 2 == 1))):
        q += 1
    if q >= LIMIT:
        return "limit"
    return text(Decimal(q if (num < 0) == (den < 0) else -q).scaleb(-scale), scale)


lines = []
for _ in range(250):
    a, b = number(), number()
    lines.append(f"add {show(a)} {show(b)} - - {exact(a + b, max(scale_of(a), scale_of(b)))}")
    lines.append(f"sub {show(a)} {show(b)} - - {exact(a - b, max(scale_of(a), scale_of(b)))}")
    lines.append(f"mul {show(a)} {show(b)} - - {mul(a, b)}")
    lines.append(f"cmp {show(a)} {show(b)} - - {(a > b) - (a < b)}")
    rounding = rng.choice(list(ROUNDINGS))
    scale = rng.randrange(19)
    lines.append(f"div {show(a)} {show(b)} {scale} {rounding} {div(a, b, scale, rounding)}")
    lines.append(f"rescale {show(a)} - {scale} {rounding} {div(a, Decimal(1), scale, rounding)}")
print("\n".join(lines))
