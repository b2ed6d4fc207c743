import gc
import weakref

import numpy as np

from eventproc.io.root.basket import Basket
from eventproc.io.root.chunk import Chunk, ChunkEntry
from eventproc.io.root.column import Column
from tests.eventproc.io.tracks import Numbers, event_id, numbers

SLOT = 7


def chunk(first, n, lacking=()):
    rows = [numbers(k).value for k in range(first, first + n)]
    offsets = np.cumsum([0, *map(len, rows)])
    products = {SLOT: (Numbers, [Column(offsets, np.concatenate(rows))])}
    presence = {SLOT: np.array([k not in lacking for k in range(first, first + n)])} if lacking else None
    return Chunk(0, [event_id(k) for k in range(first, first + n)], products, presence=presence)


def gather(events):
    """A basket of (chunk, row)."""
    basket = Basket()
    for source, row in events:
        basket.add(source.ids[row], (), ChunkEntry(source, row))
    return basket


def values(basket):
    return basket.columns(SLOT)["value"].content.tolist()


def expected(numbers_of_events):
    return [x for k in numbers_of_events for x in numbers(k).value.tolist()]


def test_all_rows_of_one_chunk_are_its_columns_themselves():
    source = chunk(0, 10)
    basket = gather((source, row) for row in range(10))
    assert np.shares_memory(basket.columns(SLOT)["value"].content, source.columns(SLOT)["value"].content)
    assert basket.ids == [event_id(k) for k in range(10)]


def test_rows_of_several_chunks_come_in_order():
    first, second = chunk(0, 10), chunk(10, 10)
    basket = gather([*((first, row) for row in range(3, 10)), *((second, row) for row in range(8))])
    assert values(basket) == expected(range(3, 18))


def test_rows_between_which_others_were_left_out_come_in_order():
    first, second = chunk(0, 10), chunk(10, 10)
    basket = gather([(first, 1), (first, 2), (first, 5), (second, 0), (second, 9)])
    assert values(basket) == expected([1, 2, 5, 10, 19])
    assert basket.columns(SLOT)["value"].offsets.tolist() == np.cumsum([0, 1, 2, 2, 1, 1]).tolist()


def test_a_chunk_of_which_little_is_wanted_is_not_kept_in_memory():
    sparse, dense, last = chunk(0, 10), chunk(10, 10), chunk(20, 10)
    kept = [weakref.ref(c.columns(SLOT)["value"].content) for c in (sparse, dense)]
    basket = gather([(sparse, 2), (sparse, 4), *((dense, row) for row in range(8)), (last, 0)])
    del sparse, dense
    gc.collect()
    assert [array() is None for array in kept] == [True, False]
    assert values(basket) == expected([2, 4, *range(10, 18), 20])


def test_it_knows_which_rows_lack_a_product_also_of_a_chunk_that_is_not_kept():
    sparse, whole, last = chunk(0, 10, lacking={2, 3}), chunk(10, 10), chunk(20, 10, lacking={21, 22})
    basket = gather([(sparse, 2), (sparse, 4), *((whole, row) for row in range(8)), (last, 0), (last, 2)])
    assert basket.present(SLOT).tolist() == [False, True, *[True] * 8, True, False]


def test_what_modules_made_is_kept_beside_what_is_copied():
    basket = Basket()
    for k in range(3):
        basket.add(event_id(k), (numbers(k),), None)
    (made,) = basket.products()
    assert [product.value.tolist() for product in made] == [numbers(k).value.tolist() for k in range(3)]
