/* Lines for whoever watches a run, and whether he, or anybody else, wants it to stop: what every part
 * of a run may need, so that it lies below them all. */
#include "job/lock.h"
#include "job/requests.h"
#include "job/training_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

void training_say(const struct training *training, const char *format, ...)
{
    char line[512];
    va_list arguments;
    if (!training->view->on_message)
        return;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    training->view->on_message(training->view->context, line);
}

bool training_should_stop(void *context)
{
    struct training *training = context;
    const volatile sig_atomic_t *interrupted = training->view->interrupted;
    if ((interrupted && *interrupted) ||
        (training->supervisor && getppid() != training->supervisor) ||
        (!training->dry && job_request_take(training->request->run, JOB_REQUEST_STOP, NULL)))
        training->stopping = true;
    return training->stopping;
}
