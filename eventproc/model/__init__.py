"""Values that everything else speaks in: ids, tags, products, events, frozen descriptions."""
