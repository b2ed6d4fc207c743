// Vectors of LANES channels of one block; every other file is read once for each set of defines.
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
typedef float float1;
typedef int int1;
#define vload1(offset, p) (*((p) + (offset)))
#define vstore1(value, offset, p) (*((p) + (offset)) = (value))
#define VEC JOIN(float, LANES)
#define VEC_LOAD(p) JOIN(vload, LANES)(0, p)
#define VEC_STORE(value, p) JOIN(vstore, LANES)(value, 0, p)
// fmax would turn NaN into 0 and hide a broken input.
#define VEC_RELU(value) select(value, (VEC)(0), value < (VEC)(0))
