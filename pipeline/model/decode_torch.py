"""Decoding by torch: for GPUs, and for models and machines that the C kernels don't know.

A row of the cache is a page: it has room for a whole context. Rows decode together, those that wait
masked; the cache grows as rows join and is copied without those that have left.
"""

import numpy as np
import torch
from torch import Tensor

from pipeline.model import cuda_graph, sampling, shared_reading
from pipeline.model.rows import AT_LIMIT, STOPPED, UNDER_WAY, Array, GenerationRow, Sampling
from pipeline.model.scheduler import Reading, Step
from pipeline.model.transformer import Transformer, Weights

DROP_BELOW = 0.85  # share of rows in use: dropping copies the cache, so not for every row
DROP_GRAPH_BELOW = 0.5  # … and with a CUDA graph means recording a new one


class TorchDecoder:
    """Does what steps say, over a cache of its own.

    Args:
        model: the model.
        weights: from `model.cast_weights`.
        context: the most positions of a row.
    """

    def __init__(self, model: Transformer, weights: Weights, context: int) -> None:
        # One more position: padding without room is written there, where nothing looks.
        self.model, self.weights, self.capacity = model, weights, context + 1
        self.cache = shared_reading.empty_cache(model, 0, self.capacity)
        self.logits = torch.empty(0, model.config.vocab_size, device=model.device)
        # Of each row of the cache who has it, by which pages; a row without its place has others.
        self.held: list[tuple[GenerationRow, list[int]]] = []
        self.made: dict[int, int] = {}
        self.forward: cuda_graph.Step | None = None

    @torch.no_grad()
    def run(self, step: Step) -> None:
        """Do a step; rows get what they sampled.

        Raises:
            FloatingPointError: the model's logits are not finite.
        """
        rows = [*step.sampling, *(piece.row for piece in step.reading)]
        at = self._places(rows)
        live = self._live()
        by_page = {self.held[number][1][0]: number for number in live}
        by_slot = {self.held[number][0].slot: number for number in live}
        for source, target in step.copies:
            self.cache.copy(by_page[source], by_page[target])
        for source, target in step.forks:
            self.logits[by_slot[target]] = self.logits[by_slot[source]]
        self.made = {row.id: row.made for row in rows}
        self._decode(step.sampling, at, 1)
        if step.reading:
            self._read(step.reading, at)
        self._decode([row for row in rows if row.state == UNDER_WAY], at, step.steps - 1)

    def made_of(self, row: GenerationRow) -> int:
        """How many tokens a row that ran has sampled in all."""
        return self.made[row.id]

    def _live(self) -> list[int]:
        """Rows of the cache that somebody has."""
        return [
            number
            for number, (row, pages) in enumerate(self.held)
            if row.pages is pages and row.slot >= 0
        ]

    def _places(self, rows: list[GenerationRow]) -> dict[int, int]:
        """Each row's place in the cache, by the row's id; there is one for each afterwards."""
        live = self._live()
        there = {self.held[number][0].id for number in live}
        new = [row for row in rows if row.id not in there]
        left = sorted(set(range(len(self.held))) - set(live)) if new else []
        drop = DROP_GRAPH_BELOW if self.cache.fixed else DROP_BELOW
        if len(new) > len(left) or (not new and len(live) < drop * len(self.held)):
            self._lay_out(live, len(live) + len(new))
            self.held = [self.held[number] for number in live]
            left = list(range(len(live), len(live) + len(new)))
            self.held += [(row, row.pages) for row in new]
        for number, row in zip(left, new):
            self.held[number] = (row, row.pages)
        if new:
            self._set_lengths(left[: len(new)], new)
        return {self.held[number][0].id: number for number in self._live()}

    def _lay_out(self, kept: list[int], count: int) -> None:
        """A cache of `count` rows that begins with the kept ones of this one."""
        index = torch.tensor(kept, dtype=torch.int64, device=self.model.device)
        logits = self.logits.new_zeros(count, self.logits.shape[1])
        logits[: len(kept)] = self.logits[index]
        if count == len(kept):
            self.cache = self.cache.select(index)
        else:
            cache = shared_reading.empty_cache(self.model, count, self.capacity)
            if kept:
                cache.put(list(range(len(kept))), self.cache, kept)
            self.cache = cache
        self.logits, self.forward = logits, None

    def _set_lengths(self, places: list[int], rows: list[GenerationRow]) -> None:
        """As far as the rows' tokens have been read."""
        device = self.model.device
        index = torch.tensor(places, device=device)
        self.cache.lengths[index] = torch.tensor([row.position for row in rows], device=device)
        if self.cache.recent is not None:
            reach = self.cache.recent.shape[1]
            known = [([-1] * reach + row.tokens[: row.position])[-reach:] for row in rows]
            self.cache.recent[index] = torch.tensor(known, device=device)

    def _read(self, pieces: list[Reading], at: dict[int, int]) -> None:
        places = [at[piece.row.id] for piece in pieces]
        whole = places == list(range(self.cache.rows))
        index = torch.tensor(places, device=self.model.device)
        cache = self.cache if whole else self.cache.select(index)
        texts = [piece.row.tokens[piece.start : piece.end] for piece in pieces]
        ends = torch.tensor([len(text) - 1 for text in texts], device=self.model.device)
        last = torch.empty(
            *(len(pieces), self.model.config.width),
            dtype=self.model.compute_dtype,
            device=self.model.device,
        )
        for start, h in shared_reading.read_rows(self.model, self.weights, cache, texts):
            count = h.shape[1]
            here = (ends >= start) & (ends < start + count)
            at_end = (ends - start).clamp(0, count - 1)
            last[here] = h[torch.arange(len(pieces), device=h.device), at_end][here]
        if not whole:
            self.cache.put(places, cache, list(range(len(places))))
        done = torch.tensor([piece.last for piece in pieces], device=self.model.device)
        if bool(done.any()):
            self.logits[index[done]] = self.weights.logits(last[done]).to(self.logits.dtype)
        for piece in pieces:
            piece.row.position = piece.end
            if piece.last:
                piece.row.state = UNDER_WAY

    def _decode(self, rows: list[GenerationRow], at: dict[int, int], steps: int) -> None:
        groups: dict[Sampling, list[GenerationRow]] = {}
        for row in rows:
            groups.setdefault(row.sampling, []).append(row)
        parts = [
            _Part(members, [at[row.id] for row in members], [self.made[row.id] for row in members])
            for members in groups.values()
        ]
        for _ in range(steps):
            tokens = np.zeros(self.cache.rows, np.int64)
            going = np.zeros(self.cache.rows, np.int64)
            for part in parts:
                part.choose(self.logits, tokens, going)
            if not going.any():
                break
            if self.forward is None:
                self.forward = cuda_graph.step(self.model, self.weights, self.cache)
            device = self.model.device
            chosen, counts = torch.from_numpy(tokens), torch.from_numpy(going)
            self.logits = self.forward(chosen.to(device), counts.to(device))
        for part in parts:
            part.finish()
            self.made |= {row.id: int(made) for row, made in zip(part.rows, part.made)}


class _Part:
    """Rows with the same settings, and what they sample in a step."""

    def __init__(self, rows: list[GenerationRow], places: list[int], made: list[int]) -> None:
        self.rows, self.places = rows, np.array(places)
        self.settings = rows[0].sampling
        self.keys = np.array([row.key for row in rows], np.uint64)
        self.limits = np.array([row.limit for row in rows])
        self.made = np.array(made)
        self.read = np.zeros(len(rows), np.int64)
        self.states = np.full(len(rows), UNDER_WAY)
        s = self.settings
        self.stops = np.array([*s.stop_tokens, *s.pause_tokens], np.int64)
        self.biased = any(row.bias is not None for row in rows)

    def choose(
        self,
        logits: Tensor,  # [rows of the cache, vocab]
        tokens: Array,  # [rows of the cache], filled
        going: Array,  # [rows of the cache], 1 where a token is to be read
    ) -> None:
        """A token for each row under way."""
        alive = np.flatnonzero(self.states == UNDER_WAY)
        if not len(alive):
            return
        s = self.settings
        index = torch.from_numpy(self.places[alive]).to(logits.device)
        own = logits.index_select(0, index)
        drawn_from = self._with_biases(own, alive) if self.biased else own
        table = sampling.log_probs(drawn_from, s.temperature, s.top_k, s.top_p, s.min_p)
        if s.temperature == 0:
            chosen = sampling.greedy(table)
        else:
            draws = sampling.uniforms(self.keys[alive], self.made[alive])
            chosen = sampling.sample(table, torch.from_numpy(draws).to(table.device))
        logprobs = table.gather(-1, chosen[:, None])[:, 0]
        if not bool(logprobs.isfinite().all()):
            raise FloatingPointError("the model's logits are not finite: its training diverged")
        ids, found = chosen.cpu().numpy(), logprobs.cpu().numpy()
        for n, id, logprob in zip(alive, ids, found):
            row, made = self.rows[n], self.made[n]
            row.made_tokens[made], row.made_logprobs[made] = id, logprob
        if s.untruncated_logprobs or s.top_logprobs:
            self._tell(own, chosen, alive)
        self.made[alive] += 1
        self.states[alive[self.made[alive] >= self.limits[alive]]] = AT_LIMIT
        self.states[alive[np.isin(ids, self.stops)]] = STOPPED
        on = self.states[alive] == UNDER_WAY
        tokens[self.places[alive[on]]] = ids[on]
        going[self.places[alive[on]]] = 1
        self.read[alive[on]] += 1

    def _with_biases(self, logits: Tensor, alive: Array) -> Tensor:
        """The logits [alive, vocab] with what is added to them; rows without bias keep their own.

        Members may differ: their constraints are not among the settings that they share.
        """
        found = [self.rows[n].bias for n in alive]
        places = [at for at, bias in enumerate(found) if bias is not None]
        if not places:
            return logits
        biases = torch.from_numpy(np.stack([bias for bias in found if bias is not None]))
        changed = logits.to(torch.float32, copy=True)
        changed[places] += biases.to(logits.device)
        return changed

    def _tell(self, logits: Tensor, chosen: Tensor, alive: Array) -> None:
        table = torch.log_softmax(logits.float(), -1)
        own = table.gather(-1, chosen[:, None])[:, 0].cpu().numpy()
        count = min(self.settings.top_logprobs, table.shape[-1])
        best = table.sort(dim=-1, descending=True, stable=True)
        ids = best.indices[:, :count].cpu().numpy()
        values = best.values[:, :count].cpu().numpy()
        for n, logprob, top, top_logprobs in zip(alive, own, ids, values):
            row, made = self.rows[n], self.made[n]
            if row.untruncated is not None:
                row.untruncated[made] = logprob
            if row.top_tokens is not None and row.top_logprobs is not None:
                row.top_tokens[made], row.top_logprobs[made] = -1, -np.inf
                row.top_tokens[made, :count], row.top_logprobs[made, :count] = top, top_logprobs

    def finish(self) -> None:
        """Rows learn where they stand."""
        for row, state, read in zip(self.rows, self.states.tolist(), self.read.tolist()):
            row.state = state
            row.position += read
