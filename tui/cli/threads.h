/* How threads wait for one another on machines that others use, too. */
#ifndef SPECTRUM_TUI_CLI_THREADS_H
#define SPECTRUM_TUI_CLI_THREADS_H

/* Threads of OpenMP spin for work before they sleep; where other programs want the same cores, a
 * spinning thread keeps the one from running that it waits for (measured: steps 5 to 15 times
 * slower beside one busy program). The runtime reads how long to spin when it is loaded, so the
 * program starts itself once more with a short spin in its environment. Does nothing where the
 * user has set GOMP_SPINCOUNT or OMP_WAIT_POLICY. Same process, same arguments. */
void threads_spin_briefly(char **argv);

#endif
