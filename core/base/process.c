#include "base/process.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* The signals of an end, with which a batch system or a user announces one. */
static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU};
enum { ENDS = sizeof ends / sizeof *ends };

void signals_of_an_end(sigset_t *out)
{
    sigemptyset(out);
    for (size_t i = 0; i < ENDS; i++)
        sigaddset(out, ends[i]);
}

void signals_catch_end(void (*handler)(int number, siginfo_t *info, void *context))
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO}, found;
    signals_of_an_end(&action.sa_mask);
    for (size_t i = 0; i < ENDS; i++)
        if (ends[i] == SIGTERM ||
            (sigaction(ends[i], NULL, &found) == 0 && found.sa_handler != SIG_IGN))
            sigaction(ends[i], &action, NULL);
    sigprocmask(SIG_UNBLOCK, &action.sa_mask, NULL);
}

/* A line "KEY  NUMBER kB" of /proc/self/status, in bytes. */
static size_t status_bytes(const char *key)
{
    char line[256];
    size_t length = strlen(key), kilobytes = 0;
    FILE *file = fopen("/proc/self/status", "re");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, key, length) == 0 && sscanf(line + length, "%zu", &kilobytes) == 1)
            break;
    if (file)
        fclose(file);
    return kilobytes * 1024;
}

size_t process_resident_bytes(void)
{
    return status_bytes("VmRSS:");
}

size_t process_peak_bytes(void)
{
    return status_bytes("VmHWM:");
}

/* --- the time --- */

double clock_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void clock_iso8601(char *out, size_t size)
{
    time_t now = time(NULL);
    struct tm parts;
    gmtime_r(&now, &parts);
    if (strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0 && size)
        out[0] = '\0';
}
