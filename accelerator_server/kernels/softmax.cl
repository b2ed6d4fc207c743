// One item: one row of the batch; a vector of channels, `block` of them side by side.
__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1)))
void NAME(__global const float *restrict source, __global float *restrict target, const int channels,
          const int block, const int source_plane, const int source_image, const int source_start,
          const int target_plane, const int target_image, const int target_start)
{
    source += (size_t)get_global_id(2) * source_image + source_start;
    target += (size_t)get_global_id(2) * target_image + target_start;
    if (get_global_id(0) > 0)
        return;
    float largest = -INFINITY;
    for (int c = 0; c < channels; c++)
        largest = fmax(largest, source[c / block * source_plane + c % block]);
    float sum = 0;
    for (int c = 0; c < channels; c++)
        sum += exp(source[c / block * source_plane + c % block] - largest);
    for (int c = 0; c < channels; c++)
        target[c / block * target_plane + c % block] =
            exp(source[c / block * source_plane + c % block] - largest) / sum;
}
