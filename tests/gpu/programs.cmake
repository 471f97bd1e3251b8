# What runs where there is a device and few libraries: the C compiler's own are enough, as the plug-in
# is opened as the program opens it. Included by gpu/CMakeLists.txt, which has set `root`; always
# built, since the suite runs both on the emulated device.
find_package(Threads REQUIRED)
function(spectrum_gpu_program name)
  list(TRANSFORM ARGN PREPEND ${root}/)
  add_executable(${name} ${ARGN} ${root}/gpu/error.c ${root}/core/compute/plugin.c)
  target_compile_definitions(${name} PRIVATE _GNU_SOURCE)
  target_compile_options(${name} PRIVATE -fopenmp-simd)
  target_include_directories(${name} PRIVATE ${root} ${root}/core ${root}/tests)
  target_link_libraries(${name} PRIVATE Threads::Threads ${CMAKE_DL_LIBS} m)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
endfunction()

spectrum_gpu_program(
  check_gpu
  tests/gpu/check.c core/base/random.c core/compute/spectra.c
  core/compute/reference/jacobi.c core/spectra/score.c)
set(bench bench bench_list bench_matrix bench_run bench_threads bench_watch)
list(TRANSFORM bench REPLACE "(.+)" "tests/gpu/\\1.c")
spectrum_gpu_program(bench_gpu ${bench} core/base/process.c)
