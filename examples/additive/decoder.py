# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A recurrent decoder that looks back at its input with additive attention (Bahdanau et al. 2015), and reads it backwards.

    python examples/additive/decoder.py

A bidirectional GRU encodes a batch of sentences of different lengths; their states are projected to keys once. Each step of the decoder, also
a GRU, asks with one query per sentence, gets a context and goes on with it. The compiler is called once, whatever the lengths. Values are the
encoder's states, and beside them one column for each position: those of the result are the alignment, without a score in memory.

The recurrent weights are random. Those of the attention are set by hand, as training on reversed sentences would: pairs of columns
tanh(x + 3) - tanh(x - 3) have a hill where x, the distance between the place that is wanted and the key's, is 0.
"""
import fovea
import numpy as np

SENTENCES = ["soft alignment", "jointly learning to align and translate", "tanh", "neural machine translation"]
HIDDEN, CONTENT, STEEPNESS = 32, 32, np.repeat([0.5, 1.0, 1.5, 2.0], 8)
SHADES = " .:-=+*#%@"


def gru(weights, x, state):
    """One step of a gated recurrent unit, [B, inputs] and [B, HIDDEN]."""
    sigmoid = lambda z: 1 / (1 + np.exp(-z))
    joined = np.concatenate([x, state], -1)
    update, reset = sigmoid(joined @ weights[0]), sigmoid(joined @ weights[1])
    candidate = np.tanh(np.concatenate([x, reset * state], -1) @ weights[2])
    return (1 - update) * state + update * candidate


def encode(forward, backward, x, lengths):
    """States of both directions, [B, N, 2 HIDDEN]; padding keeps the state as it is."""
    batches, positions = x.shape[:2]
    states = np.zeros((batches, positions, 2 * HIDDEN), np.float32)
    for weights, order, part in ((forward, range(positions), slice(0, HIDDEN)), (backward, reversed(range(positions)), slice(HIDDEN, None))):
        state = np.zeros((batches, HIDDEN), np.float32)
        for n in order:
            state = np.where((n < lengths)[:, None], gru(weights, x[:, n], state), state)
            states[:, n, part] = state
    return states


def formula(query, key, value, weight, lengths):
    """One step in fp64, and how far fp32 may be off."""
    query, key, value, weight = (np.asarray(a, np.float64) for a in (query, key, value, weight))
    s = np.einsum("d,bhijd->bhij", weight, np.tanh(query[:, :, :, None] + key[:, :, None]))
    s = np.where(np.arange(key.shape[2]) < lengths[:, None, None, None], s, -np.inf)
    p = np.exp(s - s.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    scores = max(np.sqrt(len(weight)) * abs(s[np.isfinite(s)]).max(), 2 * abs(weight).sum())
    return p @ value, 4 * 2.0**-24 * (np.sqrt(key.shape[2]) + scores + 1) * (p @ abs(value)) + 1e-37


def picture(alignment, source, written):
    """A row for each letter that was written, a column for each that was read."""
    print(f"\n    {source}")
    for letter, row in zip(written, alignment):
        print(f"  {letter} {''.join(SHADES[min(int(10 * p), 9)] for p in row[:len(source)])}")


def main():
    rng = np.random.default_rng(0)
    draw = lambda *shape: (rng.standard_normal(shape) / shape[-2] ** 0.5).astype(np.float32)
    letters = sorted(set("".join(SENTENCES)))
    batches, lengths = len(SENTENCES), np.array([len(s) for s in SENTENCES])
    positions = lengths.max()
    embedding = rng.standard_normal((len(letters), HIDDEN)).astype(np.float32)
    tokens = np.array([[letters.index(c) for c in s.ljust(positions)] for s in SENTENCES])

    states = encode(draw(3, 2 * HIDDEN, HIDDEN), draw(3, 2 * HIDDEN, HIDDEN), embedding[tokens], lengths)
    value = np.concatenate([states, np.broadcast_to(np.eye(positions, dtype=np.float32), (batches, positions, positions))], -1)[:, None]
    place = np.arange(positions, dtype=np.float32)[None, :, None] * STEEPNESS
    hill = np.tile(np.float32([3, -3]), 16)  # the bias of a pair of columns
    key = np.concatenate([states @ draw(2 * HIDDEN, CONTENT), np.broadcast_to(hill - place, (batches, positions, 32))], -1)[:, None]
    key = key.astype(np.float32)
    weight = np.concatenate([0.1 * draw(CONTENT, 1)[:, 0], np.tile(np.float32([1, -1]), 16)])
    ask, recurrent = draw(HIDDEN, CONTENT), draw(3, 4 * HIDDEN, HIDDEN)

    state, before = np.zeros((batches, HIDDEN), np.float32), np.zeros((batches, HIDDEN), np.float32)
    alignments, written = [], []
    for step in range(positions):
        wanted = np.maximum(lengths - 1 - step, 0)[:, None] * STEEPNESS
        query = np.concatenate([state @ ask, wanted], -1).astype(np.float32)[:, None, None]
        out = fovea.additive_attention(query, key, value, weight, kv_len=lengths)
        context, alignment = out[:, 0, 0, :2 * HIDDEN], out[:, 0, 0, 2 * HIDDEN:]
        if step == 5:
            want, bound = formula(query, key, value, weight, lengths)
            worst = np.max(abs(out - want) / bound)
        read = tokens[np.arange(batches), alignment.argmax(-1)]
        state = gru(recurrent, np.concatenate([context, before], -1), state)
        before = embedding[read]
        alignments.append(alignment)
        written.append(read)

    written = ["".join(letters[n] for n in row[:length]) for row, length in zip(np.array(written).T, lengths)]
    alignments = np.array(alignments).transpose(1, 0, 2)
    for source, target, alignment in zip(SENTENCES, written, alignments):
        picture(alignment, source, target)
    assert written == [s[::-1] for s in SENTENCES], written
    assert fovea.cache_info().misses == 1
    assert worst <= 1
    print(f"\nok: {positions} steps, {batches} sentences of {lengths.min()} to {positions} letters, compiled once; "
          f"a step against numpy: {worst:.2f} of its bound")


if __name__ == "__main__":
    main()
