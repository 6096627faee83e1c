#!/usr/bin/env bash
# A Slurm of one node on loopback, to try hydra/launcher=slurm without a cluster. For root on Debian or Ubuntu, in a
# container or a virtual machine; systemd is not needed.
#
#   scripts/one_node_slurm.sh up DIR       install what is missing, start, wait until the node is idle
#   scripts/one_node_slurm.sh status DIR   which daemons run, and what is queued
#   scripts/one_node_slurm.sh down DIR     cancel all jobs and stop what `up` started
#
# After `up`: `. DIR/env.sh`, which sets SLURM_CONF and puts DIR/bin first on PATH.
#
# DIR gets configuration, key, logs and state; every user must be able to enter the folders above it. From the
# environment: SLURM_CPUS (2), SLURM_MEM_MB (nine tenths of the machine), SLURM_PARTITION (debug), SLURMCTLD_PORT
# (16817), SLURMD_PORT (16818).
#
# Slurm's own sacct needs an accounting database, and without one it always fails. But submitit asks nothing else for
# the state of a job, and would wait for ever for one that was killed. So DIR/bin holds an sacct that asks the
# controller, which remembers ended jobs for a day (MinJobAge).
set -euo pipefail

case "$# ${1:-}" in
"2 up" | "2 down" | "2 status") ;;
*)
    echo "usage: $0 up|down|status DIR" >&2
    exit 2
    ;;
esac
command=$1
dir=$(realpath -m "$2")
cpus=${SLURM_CPUS:-2}
memory=${SLURM_MEM_MB:-$(awk '/^MemTotal:/ {print int($2 / 1024 * 0.9)}' /proc/meminfo)}
partition=${SLURM_PARTITION:-debug}
controller_port=${SLURMCTLD_PORT:-16817}
node_port=${SLURMD_PORT:-16818}
node=$(hostname -s)
daemons="slurmd slurmctld munged" # in the order in which they are stopped
export SLURM_CONF=$dir/slurm.conf
export PATH=$PATH:/usr/sbin:/sbin

say() { echo "one_node_slurm: $*" >&2; }

fail() {
    say "$*"
    tail -n 15 "$dir"/log/*.log >&2 2>/dev/null || true
    exit 1
}

runs() { # runs DAEMON: this DIR's daemon of that name is alive, and its id does not belong to another program by now
    local pid
    pid=$(cat "$dir/run/$1.pid" 2>/dev/null) && [ -n "$pid" ] && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$1" ]
}

within() { # within SECONDS COMMAND...: waits until the command succeeds
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.2
    done
}

stopped() { ! runs "$1"; }

stop() {
    local daemon
    for daemon in $daemons; do
        runs "$daemon" || continue
        kill "$(cat "$dir/run/$daemon.pid")"
        within 10 stopped "$daemon" || kill -9 "$(cat "$dir/run/$daemon.pid")"
        rm -f "$dir/run/$daemon.pid"
    done
}

install_packages() {
    [ "$(command -v slurmctld slurmd sbatch munged | wc -l)" = 4 ] && return
    [ "$(id -u)" = 0 ] || fail "Slurm is not installed, and only root can install it"
    say "installing slurm and munge"
    local policy=/usr/sbin/policy-rc.d made=
    if [ ! -e $policy ]; then # or the packages would start services of their own
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod 755 $policy
        made=yes
    fi
    apt-get update -qq &&
        DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends -o DPkg::Lock::Timeout=120 \
            slurmctld slurmd slurm-client munge >/dev/null </dev/null || made="$made failed"
    [ "${made%% *}" != yes ] || rm -f $policy
    [ "${made##* }" != failed ] || fail "apt-get failed"
}

write_configuration() {
    mkdir -p "$dir"/{bin,run,log,state,spool,munge}
    chmod 755 "$dir" "$dir"/{run,log,state,spool} # munged refuses a folder that others may write to
    chmod 700 "$dir/munge"
    [ -s "$dir/munge/munge.key" ] || (umask 077 && head -c 1024 /dev/urandom >"$dir/munge/munge.key")

    # slurmd loads a cgroup plugin even where nothing uses cgroups. From 23.02 on it can do without; before, version 1
    # with a mount point of its own leaves /sys/fs/cgroup alone.
    local version
    version=$(slurmctld -V | grep -oE '[0-9]+\.[0-9]+' | head -n 1)
    if [ "${version/./}" -ge 2302 ]; then
        echo "CgroupPlugin=disabled" >"$dir/cgroup.conf"
    else
        mkdir -p "$dir/cgroup"
        printf '%s\n' CgroupPlugin=cgroup/v1 CgroupAutomount=no "CgroupMountpoint=$dir/cgroup" >"$dir/cgroup.conf"
    fi

    cat >"$SLURM_CONF" <<CONF
ClusterName=onenode
SlurmctldHost=$node(127.0.0.1)
SlurmctldPort=$controller_port
SlurmdPort=$node_port
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$dir/run/munge.socket
CredType=cred/munge
SlurmctldPidFile=$dir/run/slurmctld.pid
SlurmdPidFile=$dir/run/slurmd.pid
SlurmctldLogFile=$dir/log/slurmctld.log
SlurmdLogFile=$dir/log/slurmd.log
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
MpiDefault=none
SwitchType=switch/none
MailProg=/bin/true
RebootProgram=/bin/false
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
DefMemPerCPU=$((memory / cpus / 2))
EnforcePartLimits=ALL
ReturnToService=2
SlurmdParameters=config_overrides
MinJobAge=86400
KillWait=5
InactiveLimit=0
WaitTime=0
NodeName=$node NodeHostname=$node NodeAddr=127.0.0.1 CPUs=$cpus RealMemory=$memory State=UNKNOWN
PartitionName=$partition Nodes=$node Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
CONF

    cat >"$dir/bin/sacct" <<'SACCT'
#!/usr/bin/env bash
# Looks at `-j ID` only, and answers as sacct -o JobID,State,NodeList --parsable2 would.
while [ $# -gt 0 ]; do
    [ "$1" = -j ] && ids="${ids:-} ${2//,/ }"
    shift
done
echo "JobID|State|NodeList"
for id in $ids; do scontrol --oneliner show job "$id" 2>/dev/null; done | awk '{
    split("", job)
    for (i = 1; i <= NF; i++) {
        at = index($i, "=")
        key = substr($i, 1, at - 1)
        if (!(key in job)) job[key] = substr($i, at + 1)
    }
    id = job["JobId"]
    task = job["ArrayTaskId"]
    if (task != "") id = job["ArrayJobId"] "_" (task ~ /^[0-9]+$/ ? task : "[" task "]")
    nodes = job["NodeList"]
    print id "|" job["JobState"] "|" (nodes == "" || nodes == "(null)" ? "None assigned" : nodes)
}'
SACCT
    chmod 755 "$dir/bin/sacct"
    printf 'export SLURM_CONF=%q\nexport PATH=%q:$PATH\n' "$SLURM_CONF" "$dir/bin" >"$dir/env.sh"
}

munge_answers() { munge -S "$dir/run/munge.socket" -n | unmunge -S "$dir/run/munge.socket"; }
controller_answers() { scontrol ping | grep -q " is UP"; }
node_is_up() { sinfo -h -n "$node" -o %t | grep -Eqx "idle|mix|alloc|comp"; }
queue_is_empty() { [ -z "$(squeue -h)" ]; }

start() { # start DAEMON ARGUMENTS...: away from our descriptors, or whoever reads our output would wait for the daemon
    "$@" </dev/null >"$dir/log/$1.log.start" 2>&1 || fail "$1 did not start: $(cat "$dir/log/$1.log.start")"
}

up() {
    install_packages
    stop
    write_configuration
    getent hosts "$node" >/dev/null || echo "127.0.0.1 $node" >>/etc/hosts || fail "$node does not resolve"
    trap '[ $? = 0 ] || stop' EXIT
    start munged --key-file="$dir/munge/munge.key" --seed-file="$dir/munge/munged.seed" --num-threads=2 \
        --socket="$dir/run/munge.socket" --pid-file="$dir/run/munged.pid" --log-file="$dir/log/munged.log"
    within 10 munge_answers || fail "munge does not answer"
    start slurmctld -f "$SLURM_CONF"
    within 30 controller_answers || fail "slurmctld does not answer"
    start slurmd -f "$SLURM_CONF" -N "$node"
    if ! within 30 node_is_up; then # a node that was lost before waits for this word
        scontrol update NodeName="$node" State=RESUME || true
        within 15 node_is_up || fail "the node is not up: $(sinfo -R)"
    fi
    say "partition $partition is up; now: . $dir/env.sh"
}

down() {
    if runs slurmctld && runs munged; then
        scancel --user="$(id -un)" || true
        within 20 queue_is_empty || true
    fi
    stop
}

status() {
    local daemon
    for daemon in $daemons; do
        runs "$daemon" && echo "$daemon runs" || echo "$daemon does not run"
    done
    ! runs slurmctld || { sinfo && squeue; }
}

$command
