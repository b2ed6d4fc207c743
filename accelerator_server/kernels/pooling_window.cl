// What an item's window sees of the source: it never looks outside.
    const int from_y = max(y * stride_y - top, 0);
    const int from_x = max(x * stride_x - left, 0);
    const int to_y = min(y * stride_y - top + size_y, source_height);
    const int to_x = min(x * stride_x - left + size_x, source_width);
    source += image * source_image + block * source_plane + source_start;
