#include "tui/cli/threads.h"

#include "base/sys.h"

#include <stdlib.h>
#include <unistd.h>

void threads_spin_briefly(char **argv)
{
    if (getenv("GOMP_SPINCOUNT") || getenv("OMP_WAIT_POLICY"))
        return;
    setenv("GOMP_SPINCOUNT", "10000", 1);              /* GCC's runtime: about 10 microseconds */
    setenv("KMP_BLOCKTIME", "0", 0);                   /* LLVM's */
    char *file = sys.realpath("/proc/self/exe", NULL); /* whose name shows among the processes */
    sys.execv(file ? file : "/proc/self/exe", argv);
    free(file); /* it did not work: the program goes on as it is */
}
