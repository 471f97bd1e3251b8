#!/usr/bin/env python3
"""Writes core/checkpoint/iq_grids.c: the grids of GGUF's IQ types, from the gguf package.

    make_iq_grids.py >core/checkpoint/iq_grids.c
"""
import gguf
import numpy as np
from gguf import quants

HEAD = """/* The grids of GGUF's IQ types (iq_grids.h), made by tests/oracle/make_iq_grids.py. */
#include "checkpoint/iq_grids.h"
"""
BITS = {"IQ1_S": 2, "IQ2_XXS": 2, "IQ2_XS": 2, "IQ2_S": 2, "IQ3_XXS": 3, "IQ3_S": 3}


def main():
    print(HEAD)
    for index, (name, bits) in enumerate(BITS.items()):
        kind = quants._type_traits[gguf.GGMLQuantizationType[name]]
        kind.init_grid()
        codes = np.searchsorted(kind.grid_map, kind.grid.reshape(kind.grid_shape))
        rows = (codes << (bits * np.arange(codes.shape[1]))).sum(1)
        print(f"const uint16_t {name.lower()}_grid[{len(rows)}] = {{")
        for at in range(0, len(rows), 12):
            print("    " + " ".join(f"0x{row:04X}," for row in rows[at:at + 12]))
        print("};" if index == len(BITS) - 1 else "};\n")


if __name__ == "__main__":
    main()
