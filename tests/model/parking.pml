/* The parking protocol of executor/idle_workers.hpp, for spin.
 *
 * Modelled      the steps of idle_workers, and of the workers and submitters that use it, one atomic operation a step:
 *               every interleaving of WORKERS workers and SUBMITTERS submitters, each of which pushes one job from
 *               outside. As many jobs as workers: each job waits until all have begun, so that a worker which sleeps
 *               while a job waits is a deadlock, an invalid end state. A socket may wake any worker once (POKE).
 * Not modelled  memory orders (this is sequentially consistent; idle_workers_model.cpp runs the source under the C++
 *               memory model), the deques (a job that is not in the injection queue is in `taken`, from where any
 *               searcher may have it, as thieves would), timers.
 * Checked       deadlocks, and the assertions. The search is exhaustive.
 *
 *     spin -a parking.pml && cc -O2 -DSAFETY -o pan pan.c && ./pan -m1000000
 *
 * Faults that must be found, by -D: NO_SECOND_LOOK, WAKE_BEFORE_PUSH, SILENT_LAST_SEARCHER, SILENT_TAKE_ALL,
 * LATE_SEARCHER (claim_for_wake counts the searcher only after the claim), SPLIT_RETRACT, NO_LOOK_FOR_OTHERS
 * (claim_for_wake that found nobody does not look again for those who trusted it).
 */
#ifndef WORKERS
#define WORKERS 2
#endif
#ifndef SUBMITTERS
#define SUBMITTERS 2
#endif

short idle = 0;       /* one word with `searching`: read and changed together */
short searching = 0;
bool parked[WORKERS];
byte injected = 0;    /* jobs in the injection queue */
byte taken[WORKERS];  /* jobs in the deque of each worker */
bool wake[WORKERS];   /* the reactor remembers one wake-up */
byte begun = 0;       /* jobs that run, each until all do */
byte ended = 0;       /* workers and submitters that are through */

/* claim_for_wake, then the wake-up */
inline wake_one(i, found, missed) {
    do
    :: atomic { (idle != 0 && searching == 0) ->
#ifndef LATE_SEARCHER
           searching++
#endif
       };
       found = false;
       i = 0;
       do
       :: i < WORKERS ->
          if
          :: atomic { parked[i] -> parked[i] = false; found = true }
          :: atomic { !parked[i] -> i++ }
          fi;
          if
          :: found -> break
          :: else
          fi
       :: else -> break
       od;
       if
       :: found ->
#ifdef LATE_SEARCHER
          searching++;
#endif
          idle--;
          wake[i] = true;
          break
       :: else ->
#ifndef LATE_SEARCHER
          searching--;
#endif
#ifdef NO_LOOK_FOR_OTHERS
          break;
#endif
          missed = true;
          i = 0;
          do
          :: atomic { i < WORKERS && parked[i] -> missed = false; break }
          :: atomic { i < WORKERS && !parked[i] -> i++ }
          :: else -> break
          od;
          if
          :: missed -> break
          :: else
          fi
       fi
    :: atomic { !(idle != 0 && searching == 0) -> break }
    od;
    i = 0;
    found = false;
    missed = false
}

/* Whether there is work anywhere: one look at each queue. */
inline look(any, i) {
    any = (injected > 0);
    i = 0;
    do
    :: i < WORKERS && !any -> any = (taken[i] > 0); i++
    :: else -> break
    od;
    i = 0
}

/* find_own, take_injected, begin_search, steal_for: got says whether there was a job */
inline find(self, am_searching, got, all, i, found, missed) {
    got = false;
    atomic { if :: taken[self] > 0 -> taken[self]--; got = true :: else fi };
    if
    :: !got ->
       atomic { all = injected; injected = 0 };
       if
       :: all > 0 ->
          got = true;
          if
          :: all > 1 ->
             taken[self] = taken[self] + all - 1;
#ifndef SILENT_TAKE_ALL
             wake_one(i, found, missed)
#endif
          :: else
          fi
       :: else ->
          /* The load and the add are two steps: the throttle is no promise. */
          if
          :: !am_searching && searching * 2 < WORKERS -> searching++; am_searching = true
          :: else
          fi;
          if
          :: am_searching ->
             i = 0;
             do
             :: i < WORKERS && !got ->
                atomic { if :: taken[i] > 0 -> taken[i]--; got = true :: else fi };
                i++
             :: else -> break
             od;
             i = 0
          :: else
          fi
       fi
    :: else
    fi;
    all = 0
}

active [WORKERS] proctype worker() {
    byte self = _pid;
    byte i, all;
    bool am_searching, got, any, found, missed;
    do
    :: begun == SUBMITTERS -> break
    :: else ->
       find(self, am_searching, got, all, i, found, missed);
       if
       :: got ->
          if
          :: am_searching ->
             am_searching = false;
             atomic { searching--; found = (searching == 0) };
#ifndef SILENT_LAST_SEARCHER
             if
             :: found -> found = false; wake_one(i, found, missed)
             :: else
             fi;
#endif
             found = false
          :: else
          fi;
          begun++;
          (begun == SUBMITTERS)  /* a job waits for all others */
       :: else ->
          parked[self] = true;
          atomic { idle++; if :: am_searching -> searching-- :: else fi };
          am_searching = false;
#ifndef NO_SECOND_LOOK
          look(any, i);
#endif
          if
          :: !any -> atomic { (wake[self] || begun == SUBMITTERS) -> wake[self] = false }
          :: else
          fi;
          any = false;
#ifdef SPLIT_RETRACT
          found = parked[self];
          parked[self] = false;
#else
          atomic { found = parked[self]; parked[self] = false };
#endif
          if
          :: found -> idle--; found = false
          :: else -> am_searching = true
          fi
       fi
    od;
    /* Its part of the counts goes with it, for the check below. */
    if
    :: am_searching -> searching--
    :: else
    fi;
    ended++
}

active [SUBMITTERS] proctype submitter() {
    byte i;
    bool found, missed;
#ifdef WAKE_BEFORE_PUSH
    wake_one(i, found, missed);
    injected++;
#else
    injected++;
    wake_one(i, found, missed);
#endif
    ended++
}

#ifdef POKE
active proctype socket() {
    if
    :: wake[0] = true
    :: wake[WORKERS - 1] = true
    fi
}
#endif

/* When all have ended the counts are back where they began. */
active proctype at_the_end() {
    (ended == WORKERS + SUBMITTERS);
    assert(idle == 0 && searching == 0)
}
