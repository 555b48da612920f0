/* The parking protocol of executor's idle_workers.hpp, for spin.
 *
 * Modelled      the steps of idle_workers, and of the workers and submitters that use it, one atomic operation a step:
 *               every interleaving of WORKERS workers and SUBMITTERS submitters, each of which pushes one job from
 *               outside. As many jobs as workers: each job waits until all have begun, so that a worker which sleeps
 *               while a job waits is a deadlock, an invalid end state. A worker takes one or two of the injected jobs
 *               at once; it may poll before it looks for a job (POLL); a thief that sees a job may steal it at once, or
 *               doze first and stay a searcher. The first submitter may be one more worker, which is in a step and
 *               pushes its job into its own queue (SPAWN). A socket may wake any worker once (POKE).
 * Not modelled  memory orders (this is sequentially consistent; idle_workers_model.cpp runs the source under the C++
 *               memory model), the rings (a job that is not in the injection queue is in `taken`, from where any
 *               searcher may have it, as thieves would), timers.
 * Checked       deadlocks, and the assertions. The search is exhaustive.
 *
 *     spin -a parking.pml && cc -O2 -DSAFETY -o pan pan.c && ./pan -m1000000
 *
 * Faults that must be found, by -D:
 * NO_SECOND_LOOK, WAKE_BEFORE_PUSH, SILENT_LAST_SEARCHER, SILENT_TAKE, SILENT_POLL: what idle_workers_model.cpp says,
 * EARLY_TRUST (a worker asks before its announce whether another one searches),
 * FORGOTTEN_SEARCH (a worker that announced itself and then saw work does not search for it),
 * LATE_SEARCHER (claim_for_wake counts the searcher only after the claim), SPLIT_RETRACT,
 * NO_LOOK_FOR_OTHERS (claim_for_wake that found nobody does not look again for those who trusted it).
 */
#ifndef WORKERS
#define WORKERS 2
#endif
#ifndef SUBMITTERS
#define SUBMITTERS 2
#endif
#ifdef SPAWN
#define QUEUES (WORKERS + 1)
#else
#define QUEUES WORKERS
#endif

short idle = 0;       /* one word with `searching`: read and changed together */
short searching = 0;
bool parked[WORKERS];
byte injected = 0;    /* jobs in the injection queue */
byte taken[QUEUES];   /* jobs in the queues of each worker */
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
    :: i < QUEUES && !any -> any = (taken[i] > 0); i++
    :: else -> break
    od;
    i = 0
}

inline take_own(self, got) {
    atomic { if :: taken[self] > 0 -> taken[self]--; got = true :: else fi }
}

/* Between the two steps the jobs are in no queue. */
inline take_injected(self, count) {
    atomic {
        if
        :: injected > 0 -> count = 1
        :: injected > 1 -> count = 2
        :: injected == 0
        fi;
        injected = injected - count
    };
    if
    :: count > 0 -> taken[self] = taken[self] + count
    :: else
    fi
}

/* next_own, find_elsewhere, search: `got` says whether there was a job, `any` whether a thief left some alone */
inline find(self, am_searching, got, any, count, i, found, missed) {
    got = false;
    any = false;
    take_own(self, got);
    if
    :: !got ->
       take_injected(self, count);
       take_own(self, got);
       if
       :: got && count > 0 && taken[self] > 0 ->
#ifndef SILENT_TAKE
          wake_one(i, found, missed)
#endif
       :: else
       fi;
       count = 0
    :: else
    fi;
    if
    :: !got ->
       /* The load and the add are two steps: the throttle is no promise. */
       if
       :: !am_searching && searching * 2 < WORKERS -> searching++; am_searching = true
       :: !am_searching -> skip  /* the throttle; or a socket woke it, and it sleeps again without a search */
       :: am_searching
       fi;
       i = 0;
       do
       :: am_searching && i < QUEUES && !got ->
          atomic {
              if
              :: taken[i] > 0 -> taken[i]--; got = true
              :: taken[i] > 0 -> any = true
              :: taken[i] == 0
              fi;
              i++
          }
       :: else -> break
       od;
       i = 0
    :: else
    fi
}

active [WORKERS] proctype worker() {
    byte self = _pid;
    byte i, count;
    bool am_searching, got, any, found, missed, trusts;
    do
    :: begun == SUBMITTERS -> break
    :: else ->
#ifdef POLL
       if
       :: take_injected(self, count);
          if
          :: count > 0 ->
             count = 0;
#ifndef SILENT_POLL
             wake_one(i, found, missed)
#endif
          :: else
          fi
       :: true
       fi;
#endif
       find(self, am_searching, got, any, count, i, found, missed);
       if
       :: got ->
          if
          :: am_searching ->
             am_searching = false;
             atomic { searching--; found = (searching == 0) };
#ifndef SILENT_LAST_SEARCHER
             if
             :: found ->
                found = false;
                look(any, i);
                if
                :: any -> wake_one(i, found, missed)
                :: else
                fi
             :: else
             fi;
#endif
             found = false
          :: else
          fi;
          begun++;
          (begun == SUBMITTERS)  /* a job waits for all others */
       :: !got && any  /* it dozes */
       :: else ->
#ifdef EARLY_TRUST
          trusts = (searching > 0);
#endif
          parked[self] = true;
          atomic { idle++; if :: am_searching -> searching-- :: else fi };
          am_searching = false;
#ifndef NO_SECOND_LOOK
          trusts = trusts || (searching > 0);
          if
          :: !trusts -> look(any, i)
          :: else
          fi;
          trusts = false;
#endif
          if
          :: !any -> atomic { (wake[self] || begun == SUBMITTERS) -> wake[self] = false }
          :: else
          fi;
#ifdef SPLIT_RETRACT
          found = parked[self];
          parked[self] = false;
#else
          atomic { found = parked[self]; parked[self] = false };
#endif
#ifdef FORGOTTEN_SEARCH
          any = false;
#endif
          if
          :: found && any -> atomic { idle--; searching++ }; am_searching = true
          :: found && !any -> idle--
          :: !found -> am_searching = true
          fi;
          found = false
       fi;
       any = false
    od;
    /* Its part of the counts goes with it, for the check below. */
    if
    :: am_searching -> searching--
    :: else
    fi;
    ended++
}

inline push() {
#ifdef SPAWN
    if
    :: _pid == WORKERS -> taken[WORKERS]++
    :: else -> injected++
    fi
#else
    injected++
#endif
}

active [SUBMITTERS] proctype submitter() {
    byte i;
    bool found, missed;
#ifdef WAKE_BEFORE_PUSH
    wake_one(i, found, missed);
    push();
#else
    push();
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
