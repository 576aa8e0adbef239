"""Arrays in, arrays out: kernels, programs and their certificates; no finance words."""
