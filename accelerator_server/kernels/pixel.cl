// Which pixel of which block of channels an item computes; AT(map) of preamble.cl is where it lies.
    const int pixel = get_global_id(0);
    if (pixel >= height * width)
        return;
    const int y = pixel / width;
    const int x = pixel % width;
    const int block = get_global_id(1);
    const size_t image = get_global_id(2);
