/* Streams and events. What is put on a stream waits in its queue until somebody waits for the
 * stream or an event on it: so late that whoever reads a result, or writes over a source, too early
 * is found out. EMULATED_CUDA_EAGER carries everything out at once, the other extreme.
 *
 * Streams are of the non-blocking kind, which nothing orders but events; the default stream is not
 * emulated. Whichever host thread waits does the work; a stream's operations run one at a time.
 */
#ifndef SPECTRUM_TESTS_STREAM_H
#define SPECTRUM_TESTS_STREAM_H

#include <cuda_runtime_api.h>

#include <functional>

/* The device of a stream; ends the process if this is none. */
int stream_device(cudaStream_t stream);

/* Puts an operation on the stream. An error: the device does not take any. */
cudaError_t stream_put(cudaStream_t stream, std::function<void()> operation);

/* Carries out what lies on the streams of a device. */
cudaError_t stream_run_all(int device);

#endif
