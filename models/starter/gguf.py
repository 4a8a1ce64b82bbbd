# SPDX-License-Identifier: Apache-2.0
"""Reads and writes GGUF version 3, as far as this model needs it: F32 and Q8_0 tensors."""

import os
import struct

import numpy

U32, F32, BOOL, STRING, ARRAY, I32 = 4, 6, 7, 8, 9, 5
FORMATS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q",
           12: "d"}
TENSOR_F32, TENSOR_Q8_0 = 0, 8
BLOCK = 32
ALIGNMENT = 32
Q8_0_BLOCK = numpy.dtype([("scale", "<f2"), ("values", "i1", BLOCK)])


def quantize(weights):
    """Q8_0 blocks of float32 rows, rounded as ggml's reference does."""
    blocks = weights.astype(numpy.float32).reshape(-1, BLOCK)
    scale = numpy.abs(blocks).max(1) / numpy.float32(127)
    inverse = numpy.divide(1, scale, out=numpy.zeros_like(scale), where=scale > 0)
    scaled = blocks * inverse[:, None]
    result = numpy.zeros(len(blocks), Q8_0_BLOCK)
    result["scale"] = scale.astype(numpy.float16)
    result["values"] = numpy.trunc(scaled + numpy.copysign(numpy.float32(0.5), scaled))
    return result


def dequantize(blocks):
    return blocks["scale"].astype(numpy.float32)[:, None] * blocks["values"]


def _string(text):
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _value(kind, value):
    if kind == STRING:
        return _string(value)
    if kind == ARRAY:
        inner, values = value
        return struct.pack("<IQ", inner, len(values)) + b"".join(_value(inner, v) for v in values)
    return struct.pack("<" + FORMATS[kind], value)


def write(path, metadata, tensors):
    """`metadata`: (key, kind, value) rows; `tensors`: (name, float32 array, tensor type) rows."""
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    for key, kind, value in metadata:
        head += _string(key) + struct.pack("<I", kind) + _value(kind, value)
    parts, offset = [], 0
    for name, array, kind in tensors:
        data = (quantize(array) if kind == TENSOR_Q8_0 else array.astype("<f4")).tobytes()
        sizes = array.shape[::-1]
        head += _string(name)
        head += struct.pack("<I%dQIQ" % len(sizes), len(sizes), *sizes, kind, offset)
        data += bytes(-len(data) % ALIGNMENT)
        parts.append(data)
        offset += len(data)
    head += bytes(-len(head) % ALIGNMENT)
    with open(str(path) + ".part", "wb") as file:
        file.write(head + b"".join(parts))
    os.replace(str(path) + ".part", path)


def read(path):
    """(metadata dictionary, tensors dictionary of float32 arrays)."""
    with open(path, "rb") as file:
        data = file.read()
    at = 0

    def take(form):
        nonlocal at
        values = struct.unpack_from("<" + form, data, at)
        at += struct.calcsize("<" + form)
        return values[0] if len(values) == 1 else values

    def value(kind):
        nonlocal at
        if kind == STRING:
            size = take("Q")
            at += size
            return data[at - size:at].decode()
        if kind == ARRAY:
            inner, count = take("I"), take("Q")
            return [value(inner) for _ in range(count)]
        return take(FORMATS[kind])

    magic, version, tensor_count, key_count = data[:4], *struct.unpack_from("<IQQ", data, 4)
    if magic != b"GGUF" or version != 3:
        raise ValueError("not a GGUF version 3 file")
    at = 24
    metadata = {}
    for _ in range(key_count):
        key = value(STRING)
        metadata[key] = value(take("I"))
    places = []
    for _ in range(tensor_count):
        name, rank = value(STRING), take("I")
        places.append((name, [take("Q") for _ in range(rank)], take("I"), take("Q")))
    start = at + -at % ALIGNMENT
    tensors = {}
    for name, sizes, kind, offset in places:
        count = int(numpy.prod(sizes))
        if kind == TENSOR_Q8_0:
            flat = dequantize(numpy.frombuffer(data, Q8_0_BLOCK, count // BLOCK, start + offset))
        else:
            flat = numpy.frombuffer(data, "<f4", count, start + offset)
        tensors[name] = flat.reshape(sizes[::-1])
    return metadata, tensors
