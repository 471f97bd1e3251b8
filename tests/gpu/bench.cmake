# bench_gpu: times the CUDA plug-in. It needs neither CUDA nor the program's libraries, as it opens
# the plug-in as the program does. Always built: the suite runs it on the emulated device.
find_package(Threads REQUIRED)
set(bench_sources "")
foreach(name bench bench_list bench_matrix bench_run bench_threads bench_watch)
  list(APPEND bench_sources ${CMAKE_CURRENT_LIST_DIR}/${name}.c)
endforeach()
add_executable(
  bench_gpu
  ${bench_sources} ${root}/gpu/error.c ${root}/core/base/clock.c ${root}/core/base/memory_size.c
  ${root}/core/compute/plugin.c)
target_compile_definitions(bench_gpu PRIVATE _GNU_SOURCE)
target_compile_options(bench_gpu PRIVATE -fopenmp-simd)
target_include_directories(bench_gpu PRIVATE ${root}/core)
target_link_libraries(bench_gpu PRIVATE Threads::Threads ${CMAKE_DL_LIBS} m)
set_target_properties(bench_gpu PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
