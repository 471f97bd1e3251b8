# What runs where there is a device and few libraries: the C compiler's own are enough. Included by
# gpu/CMakeLists.txt, which has set `root`.
set(without_libraries ${root}/gpu/error.c ${root}/core/base/random.c ${root}/core/compute/plugin.c
                      ${root}/core/compute/spectra_common.c)

add_executable(check_gpu ${root}/tests/gpu/check.c ${without_libraries}
                         ${root}/core/compute/spectra_reference.c ${root}/core/spectra/score.c
                         ${root}/core/spectra/noise.c ${root}/core/spectra/measures.c)
target_compile_definitions(check_gpu PRIVATE _GNU_SOURCE)
target_compile_options(check_gpu PRIVATE -fopenmp-simd)
target_include_directories(check_gpu PRIVATE ${root} ${root}/core ${root}/tests)
target_link_libraries(check_gpu PRIVATE m dl pthread)
