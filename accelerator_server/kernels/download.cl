// One item: one pixel of one channel, from where its map lies to (rows, channels, height, width).
__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1)))
void NAME(__global const float *restrict source, __global float *restrict target, const int channels,
          const int height, const int width, const int block,
          const int source_pitch, const int source_plane, const int source_image, const int source_start)
{
    const int pixel = get_global_id(0);
    const int c = get_global_id(1);
    const size_t image = get_global_id(2);
    if (pixel >= height * width)
        return;
    target[(image * channels + c) * height * width + pixel] =
        source[image * source_image + c / block * source_plane + source_start + pixel / width * source_pitch
               + pixel % width * block + c % block];
}
