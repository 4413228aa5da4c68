// The Python face of the native lens kernels: synthetic_focus._native.
#include <pybind11/pybind11.h>

PYBIND11_MODULE(_native, module) { module.doc() = "Native lens kernels of Synthetic Focus."; }
