// Vectors of LANES channels of one block; every other file is read once for each set of defines.
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
typedef float floats1;
typedef float4 floats4;
typedef float8 floats8;
typedef float16 floats16;
// Names of our own: PoCL defines vload and vstore as macros, which spoil what is pasted from them.
#define load_floats1(p) (*(p))
#define load_floats4(p) vload4(0, p)
#define load_floats8(p) vload8(0, p)
#define load_floats16(p) vload16(0, p)
#define store_floats1(value, p) (*(p) = (value))
#define store_floats4(value, p) vstore4(value, 0, p)
#define store_floats8(value, p) vstore8(value, 0, p)
#define store_floats16(value, p) vstore16(value, 0, p)
#define VEC JOIN(floats, LANES)
#define VEC_LOAD(p) JOIN(load_floats, LANES)(p)
#define VEC_STORE(value, p) JOIN(store_floats, LANES)(value, p)
// fmax would turn NaN into 0 and hide a broken input.
#define VEC_RELU(value) select(value, (VEC)(0), value < (VEC)(0))
