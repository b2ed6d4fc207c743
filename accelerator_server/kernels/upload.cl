// One item: one pixel of one channel, from (rows, channels, height, width) to where its map lies.
__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1)))
void NAME(__global const float *restrict source, __global float *restrict target, const int channels,
          const int height, const int width, const int block,
          const int target_pitch, const int target_plane, const int target_image, const int target_start)
{
    const int pixel = get_global_id(0);
    const int c = get_global_id(1);
    const size_t image = get_global_id(2);
    if (pixel >= height * width)
        return;
    target[image * target_image + c / block * target_plane + target_start + pixel / width * target_pitch
           + pixel % width * block + c % block] = source[(image * channels + c) * height * width + pixel];
}
