#include "stream.h"
#include "calls.h"
#include "failure.h"
#include "faults.h"

#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

/* Never freed, since events may still refer to one; a destroyed stream's rest is carried out when
 * its device is waited for. */
struct CUstream_st {
    int device;
    std::mutex turn;  /* held by who carries an operation out */
    std::mutex guard; /* of the queue and `put` */
    std::deque<std::function<void()>> queue;
    uint64_t put; /* operations, ever */
    std::atomic<uint64_t> done;
};

/* What cudaEventRecord() put on a stream: done when the stream has done `ticket` operations. */
struct record {
    struct CUstream_st *stream;
    uint64_t ticket;
    std::chrono::steady_clock::time_point time;
};

struct CUevent_st {
    bool timing;
    std::shared_ptr<struct record> last; /* NULL: never recorded, which is done at once */
};

/* Never destroyed: threads may still make calls while the process ends. */
static std::mutex &streams_guard = *new std::mutex;
static std::set<struct CUstream_st *> &live = *new std::set<struct CUstream_st *>;
static std::vector<struct CUstream_st *> &all = *new std::vector<struct CUstream_st *>;

int stream_device(cudaStream_t stream)
{
    if (!stream)
        emulated_abort("the default stream is not emulated");
    std::lock_guard<std::mutex> lock(streams_guard);
    if (!live.count(stream))
        emulated_abort("%p is no stream, or no longer one", (void *)stream);
    return stream->device;
}

/* --- carrying out --- */

static std::function<void()> take_first(struct CUstream_st *stream)
{
    std::lock_guard<std::mutex> lock(stream->guard);
    std::function<void()> first = std::move(stream->queue.front());
    stream->queue.pop_front();
    return first;
}

/* Up to and with operation `ticket`. Streams that wait for each other's events do not lock each
 * other out: a turn is taken only for what is not done yet, and events point to the past. */
static cudaError_t run(struct CUstream_st *stream, uint64_t ticket)
{
    while (stream->done < ticket) {
        std::lock_guard<std::mutex> lock(stream->turn);
        if (stream->done >= ticket)
            break;
        std::function<void()> first = take_first(stream);
        if (!fault_device_is_dead())
            first();
        stream->done++;
    }
    return fault_device_is_dead() ? emulated_fail(cudaErrorUnknown) : cudaSuccess;
}

static uint64_t last_ticket(struct CUstream_st *stream)
{
    std::lock_guard<std::mutex> lock(stream->guard);
    return stream->put;
}

cudaError_t stream_run_all(int device)
{
    cudaError_t status = cudaSuccess;
    std::vector<struct CUstream_st *> streams;
    {
        std::lock_guard<std::mutex> lock(streams_guard);
        streams = all;
    }
    for (struct CUstream_st *stream : streams)
        if (stream->device == device)
            status = run(stream, last_ticket(stream));
    return status;
}

/* Returns the operation's ticket. */
static uint64_t put(struct CUstream_st *stream, std::function<void()> operation)
{
    fault_count_operation();
    std::lock_guard<std::mutex> lock(stream->guard);
    stream->queue.push_back(std::move(operation));
    return ++stream->put;
}

cudaError_t stream_put(cudaStream_t stream, std::function<void()> operation)
{
    cudaError_t status = fault_of_call();
    if (status != cudaSuccess)
        return emulated_fail(status);
    stream_device(stream);
    uint64_t ticket = put(stream, std::move(operation));
    if (setting("EMULATED_CUDA_EAGER", 0))
        run(stream, ticket);
    return cudaSuccess;
}

/* --- the runtime's calls: streams --- */

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *out, unsigned flags)
{
    cudaError_t status = fault_of_call();
    if (status != cudaSuccess)
        return emulated_fail(status);
    if (flags != cudaStreamNonBlocking)
        emulated_abort("streams that wait for the default stream are not emulated");
    struct CUstream_st *stream = new struct CUstream_st();
    stream->device = emulated_device();
    std::lock_guard<std::mutex> lock(streams_guard);
    live.insert(stream);
    all.push_back(stream);
    emulated_count("streams", 1);
    *out = stream;
    return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream)
{
    stream_device(stream);
    std::lock_guard<std::mutex> lock(streams_guard);
    live.erase(stream);
    emulated_count("streams", -1);
    return emulated_fail(fault_of_call());
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream)
{
    stream_device(stream);
    cudaError_t status = fault_of_call();
    return status != cudaSuccess ? emulated_fail(status) : run(stream, last_ticket(stream));
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned)
{
    std::shared_ptr<struct record> record = event->last;
    return stream_put(stream, [=] {
        if (record)
            run(record->stream, record->ticket);
    });
}

cudaError_t cudaDeviceSynchronize(void)
{
    cudaError_t status = fault_of_call();
    return status != cudaSuccess ? emulated_fail(status) : stream_run_all(emulated_device());
}

/* --- events --- */

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *out, unsigned flags)
{
    cudaError_t status = fault_of_call();
    if (status != cudaSuccess)
        return emulated_fail(status);
    *out = new struct CUevent_st();
    (*out)->timing = !(flags & cudaEventDisableTiming);
    emulated_count("events", 1);
    return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event)
{
    delete event;
    emulated_count("events", -1);
    return emulated_fail(fault_of_call());
}

/* Not stream_put(): the ticket must be known before the operation can run. */
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream)
{
    cudaError_t status = fault_of_call();
    if (status != cudaSuccess)
        return emulated_fail(status);
    stream_device(stream);
    auto record = std::make_shared<struct record>();
    record->stream = stream;
    record->ticket = put(stream, [=] { record->time = std::chrono::steady_clock::now(); });
    event->last = record;
    if (setting("EMULATED_CUDA_EAGER", 0))
        run(stream, record->ticket);
    return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event)
{
    cudaError_t status = fault_of_call();
    if (status != cudaSuccess)
        return emulated_fail(status);
    return event->last ? run(event->last->stream, event->last->ticket) : cudaSuccess;
}

cudaError_t cudaEventElapsedTime(float *milliseconds, cudaEvent_t from, cudaEvent_t to)
{
    cudaError_t status = fault_of_call();
    if (status != cudaSuccess)
        return emulated_fail(status);
    for (cudaEvent_t event : {from, to}) {
        if (!event->timing || !event->last)
            return emulated_fail(cudaErrorInvalidResourceHandle);
        if (event->last->stream->done < event->last->ticket)
            return emulated_fail(cudaErrorNotReady);
    }
    std::chrono::duration<float, std::milli> between = to->last->time - from->last->time;
    *milliseconds = between.count();
    return cudaSuccess;
}
