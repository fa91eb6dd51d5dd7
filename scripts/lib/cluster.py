"""The second half of scripts/cluster: starts the processes, watches them, and does what other terminals ask through a socket in the cluster's folder.

Nothing is restarted by itself, so that a kill can be looked at; systemd does that on real machines. Everything listens on 127.0.0.1 alone."""
import glob
import json
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TEMPLATES = os.path.join(ROOT, 'packaging', 'cluster')
HOST = '127.0.0.1'
N = 3
# Patroni's: a leader that says nothing for TTL seconds is replaced.
PACE = {'TTL': 10, 'LOOP_WAIT': 2, 'RETRY_TIMEOUT': 4}
# PostgreSQL does not run as root; its package made a user for it.
SERVER_USER = 'postgres' if os.getuid() == 0 else None


def die(text):
    print(f'error: {text}', file=sys.stderr)
    sys.exit(1)


def find_program(name):
    for folder in ('/usr/sbin', '/usr/bin', '/sbin', '/bin'):
        if os.access(os.path.join(folder, name), os.X_OK):
            return os.path.join(folder, name)
    die(f'no {name} here: run scripts/bootstrap --cluster')


def answers(url, timeout=1.0):
    """The status of a GET; 0 when nobody answers."""
    try:
        return urllib.request.urlopen(url, timeout=timeout).status
    except urllib.error.HTTPError as e:
        return e.code
    except OSError:
        return 0


class Process:
    """One program with a log of its own, as a process group."""

    def __init__(self, cluster, name, command, as_server=False, pids_of_others=None):
        self.cluster, self.name, self.command, self.as_server = cluster, name, command, as_server
        self.pids_of_others = pids_of_others or (lambda: [])
        self.child = None
        self.is_paused = False

    def state(self):
        if self.child is None or self.child.poll() is not None:
            return 'down'
        return 'paused' if self.is_paused else 'up'

    def start(self):
        if self.state() != 'down':
            return f'{self.name} runs already'
        log = open(os.path.join(self.cluster.dir, 'log', f'{self.name}.log'), 'ab')
        as_user = {'user': SERVER_USER, 'group': SERVER_USER, 'extra_groups': []} if self.as_server and SERVER_USER else {}
        env = {k: v for k, v in os.environ.items() if not k.startswith('STABLEHAND_')}
        self.child = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd='/', start_new_session=True,
                                      env=env | {'LC_ALL': 'C.UTF-8', 'PYTHONUNBUFFERED': '1'}, **as_user)
        log.close()
        self.is_paused = False
        return f'{self.name} started'

    def send(self, number):
        """To the group, and to what left it (PostgreSQL under Patroni)."""
        for pid in self.pids_of_others():
            try:
                os.kill(pid, number)
            except OSError:
                pass
        if self.child is not None and self.child.poll() is None:
            try:
                os.killpg(self.child.pid, number)
            except OSError:
                pass

    def kill(self):
        if self.state() == 'down':
            return f'{self.name} is down already'
        self.send(signal.SIGKILL)
        self.child.wait()
        self.send(signal.SIGKILL)  # what was born meanwhile
        return f'{self.name} killed'

    def pause(self):
        if self.state() != 'up':
            return f'{self.name} is {self.state()}'
        self.send(signal.SIGSTOP)
        self.is_paused = True
        return f'{self.name} paused'

    def resume(self):
        if self.state() != 'paused':
            return f'{self.name} is {self.state()}'
        self.send(signal.SIGCONT)
        self.is_paused = False
        return f'{self.name} goes on'

    def stop(self, seconds=15):
        if self.state() == 'down':
            return
        if self.is_paused:
            self.resume()
        self.child.send_signal(signal.SIGTERM)
        try:
            self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()


def postgres_pids(data):
    """The postmaster and its children."""
    try:
        with open(os.path.join(data, 'postmaster.pid'), encoding='utf8') as f:
            main = int(f.readline())
    except (OSError, ValueError):
        return []
    found = [main]
    for stat in glob.glob('/proc/[0-9]*/stat'):
        try:
            with open(stat, encoding='utf8') as f:
                text = f.read()
        except OSError:
            continue
        if int(text.rpartition(')')[2].split()[1]) == main:
            found.append(int(stat.split('/')[2]))
    return found


class Cluster:
    def __init__(self, folder, port, is_demo):
        self.dir, self.port, self.is_demo = folder, port, is_demo
        self.processes = {}
        self.stopping = threading.Event()
        base = port + 10000  # nothing of Debian's packages listens there by itself
        self.ports = {
            'haproxy': [port], 'node': [port + 1, port + 2, port + 3],
            **{kind: [base + 10 * i + k for k in range(N)]
               for i, kind in enumerate(('etcd', 'etcd_peer', 'pg', 'patroni', 'nats', 'nats_route', 'nats_monitor'))},
        }

    # ---- files ----

    def folder(self, *parts, for_server=False):
        path = os.path.join(self.dir, *parts)
        os.makedirs(path, mode=0o700 if for_server else 0o755, exist_ok=True)
        if for_server and SERVER_USER:
            user = pwd.getpwnam(SERVER_USER)
            os.chown(path, user.pw_uid, user.pw_gid)
        return path

    def config(self, name, template, **words):
        with open(os.path.join(TEMPLATES, template), encoding='utf8') as f:
            text = f.read()
        text = re.sub(r'@([A-Z_0-9]+)@', lambda m: str(words[m[1]]), text)
        path = os.path.join(self.dir, 'conf', name)
        with open(path, 'w', encoding='utf8', opener=lambda p, flags: os.open(p, flags, 0o600)) as f:
            f.write(text)
        if SERVER_USER and not name.startswith('node'):
            user = pwd.getpwnam(SERVER_USER)
            os.chown(path, user.pw_uid, user.pw_gid)
        return path

    def load_passwords(self):
        path = os.path.join(self.dir, 'passwords.json')
        if not os.path.exists(path):
            with open(path, 'w', encoding='utf8', opener=lambda p, flags: os.open(p, flags, 0o600)) as f:
                json.dump({k: secrets.token_urlsafe(18) for k in ('superuser', 'replication', 'desk', 'nats', 'route')}, f)
        with open(path, encoding='utf8') as f:
            self.passwords = json.load(f)

    def check_ports(self):
        for kind, ports in self.ports.items():
            for port in ports:
                with socket.socket() as s:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    try:
                        s.bind((HOST, port))
                    except OSError:
                        die(f'port {port} ({kind}) is taken: choose others with --port=N')

    # ---- processes ----

    def add(self, name, command, as_server=False, pids_of_others=None):
        self.processes[name] = Process(self, name, command, as_server, pids_of_others)

    def until(self, what, seconds, look):
        deadline = time.monotonic() + seconds
        while not look():
            if self.stopping.wait(0.2):
                raise KeyboardInterrupt
            if time.monotonic() > deadline:
                raise TimeoutError(f'waited {seconds} s for {what}; the logs are in {self.dir}/log')

    def make_etcd(self):
        members = ','.join(f'etcd{k + 1}=http://{HOST}:{p}' for k, p in enumerate(self.ports['etcd_peer']))
        for k in range(N):
            name = f'etcd{k + 1}'
            path = self.config(f'{name}.yml', 'etcd.yml', NAME=name, HOST=HOST, DATA_DIR=self.folder(name, for_server=True), MEMBERS=members,
                               CLIENT_PORT=self.ports['etcd'][k], PEER_PORT=self.ports['etcd_peer'][k])
            self.add(name, [find_program('etcd'), '--config-file', path], True)

    def make_nats(self):
        routes = '\n    '.join(f'nats://route:{self.passwords["route"]}@{HOST}:{p}' for p in self.ports['nats_route'])
        for k in range(N):
            name = f'nats{k + 1}'
            path = self.config(f'{name}.conf', 'nats.conf', NAME=name, HOST=HOST, PORT=self.ports['nats'][k], MONITOR_PORT=self.ports['nats_monitor'][k],
                               CLUSTER_PORT=self.ports['nats_route'][k], PASSWORD=self.passwords['nats'], ROUTE_PASSWORD=self.passwords['route'], ROUTES=routes)
            self.add(name, [find_program('nats-server'), '-c', path], True)

    def make_database(self):
        binaries = sorted(glob.glob('/usr/lib/postgresql/*/bin/initdb'), key=lambda p: int(p.split('/')[4]))
        if not binaries:
            die('no PostgreSQL here: run scripts/bootstrap --cluster')
        hosts = ','.join(f'{HOST}:{p}' for p in self.ports['etcd'])
        for k in range(N):
            name = f'pg{k + 1}'
            home = self.folder(name, for_server=True)
            data = os.path.join(home, 'data')
            path = self.config(f'{name}.yml', 'patroni.yml', NAME=name, HOST=HOST, PORT=self.ports['pg'][k], REST_PORT=self.ports['patroni'][k], ETCD=hosts,
                               DATA_DIR=data, BIN_DIR=os.path.dirname(binaries[-1]), PGPASS=os.path.join(home, 'pgpass'), NETWORK='127.0.0.0/8',
                               SOCKET_DIR=home, WATCHDOG="'off'", SUPERUSER_PASSWORD=self.passwords['superuser'],
                               REPLICATION_PASSWORD=self.passwords['replication'], **PACE)
            self.add(name, [find_program('patroni'), path], True, lambda data=data: postgres_pids(data))

    def make_nodes(self):
        program = os.environ.get('STABLEHAND_BIN') or os.path.join(ROOT, 'build', 'stablehand')
        if not os.access(program, os.X_OK):
            die(f'{program} is not there: run scripts/build')
        hosts = ','.join(f'{HOST}:{p}' for p in self.ports['pg'])
        servers = ','.join(f'nats://stablehand:{self.passwords["nats"]}@{HOST}:{p}' for p in self.ports['nats'])
        for k in range(N):
            name = f'node{k + 1}'
            path = self.config(f'{name}.conf', 'stablehand.conf', NAME=name, DATA_DIR=self.folder(name), LISTEN=f'{HOST}:{self.ports["node"][k]}',
                               DATABASE_PASSWORD=self.passwords['desk'], DATABASE_HOSTS=hosts, NATS_SERVERS=servers, PROXIES='127.0.0.0/8',
                               FILES=f'files.dir = {self.folder("files")}')
            self.add(name, [program, 'demo' if self.is_demo else 'serve', f'--config={path}'] + ([f'--data={self.folder(name)}'] if self.is_demo else []))

    def make_haproxy(self):
        nodes = {f'NODE{k + 1}': f'{HOST}:{p}' for k, p in enumerate(self.ports['node'])}
        path = self.config('haproxy.cfg', 'haproxy.cfg', LISTEN=f'{HOST}:{self.port}', MAX_CONNECTIONS=4000, **nodes)
        self.add('haproxy', [find_program('haproxy'), '-db', '-f', path], True)

    # ---- the database ----

    def leader(self):
        for k, port in enumerate(self.ports['patroni']):
            if answers(f'http://{HOST}:{port}/primary', 0.5) == 200:
                return f'pg{k + 1}'
        return None

    def heir(self):
        """Whom each commit waits for: without one nobody is promoted when the leader goes."""
        for k, port in enumerate(self.ports['patroni']):
            if answers(f'http://{HOST}:{port}/synchronous', 0.5) == 200:
                return f'pg{k + 1}'
        return None

    def psql(self, sql, port):
        env = os.environ | {'PGPASSWORD': self.passwords['superuser']}
        return subprocess.run(['psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-h', HOST, '-p', str(port), '-U', 'postgres', '-d', 'postgres', '-c', sql],
                              env=env, capture_output=True, text=True, check=False)

    def make_desk_database(self):
        port = self.ports['pg'][int(self.leader()[2:]) - 1]
        self.until('the database to take commands', 30, lambda: self.psql('SELECT 1', port).returncode == 0)
        if self.psql("SELECT 1 FROM pg_roles WHERE rolname = 'stablehand'", port).stdout.strip() == '':
            self.psql(f"CREATE ROLE stablehand LOGIN PASSWORD '{self.passwords['desk']}'", port)
        if self.psql("SELECT 1 FROM pg_database WHERE datname = 'stablehand'", port).stdout.strip() == '':
            made = self.psql("CREATE DATABASE stablehand OWNER stablehand TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'", port)
            if made.returncode != 0:
                raise RuntimeError(made.stderr)

    # ---- the files alone ----

    def check(self):
        """Fills in all files and lets their programs judge them; the exit code."""
        for make in (self.make_etcd, self.make_nats, self.make_database, self.make_nodes, self.make_haproxy):
            make()
        conf = os.path.join(self.dir, 'conf')
        node = self.processes['node1'].command[0]
        judges = {
            'haproxy.cfg': [find_program('haproxy'), '-c', '-f', f'{conf}/haproxy.cfg'],
            'nats.conf': [find_program('nats-server'), '-t', '-c', f'{conf}/nats1.conf'],
            'patroni.yml': [find_program('patroni'), '--validate-config', f'{conf}/pg1.yml'],
            'stablehand.conf': [node, 'doctor', f'--config={conf}/node1.conf'],
        }
        n_bad = 0
        for name, command in judges.items():
            as_user = {'user': SERVER_USER, 'group': SERVER_USER, 'extra_groups': []} if SERVER_USER and name != 'stablehand.conf' else {}
            env = {k: v for k, v in os.environ.items() if not k.startswith('STABLEHAND_')}
            done = subprocess.run(command, capture_output=True, text=True, cwd='/', env=env, check=False, **as_user)
            text = done.stdout + done.stderr
            if name == 'stablehand.conf':  # there is no database here: the doctor says so after it has understood the file
                is_good = 'BAD      database' in text
            elif name == 'patroni.yml':  # complains of loopback, of etcd that does not run here, and of pg_hba where it used to be
                is_good = all(HOST in line or 'bootstrap.pg_hba' in line for line in text.splitlines() if line.strip())
            else:
                is_good = done.returncode == 0
            n_bad += not is_good
            print(f'{"ok" if is_good else "BAD"} {name}' + ('' if is_good else f'\n{text}'))
        return 1 if n_bad else 0

    # ---- the course of things ----

    def node_is_ready(self, k):
        if self.processes[f'node{k + 1}'].state() == 'down':
            raise RuntimeError(f'node{k + 1} ended; its log is {self.dir}/log/node{k + 1}.log')
        return answers(f'http://{HOST}:{self.ports["node"][k]}/readyz') == 200

    def start(self):
        for make in (self.make_etcd, self.make_nats, self.make_database, self.make_nodes, self.make_haproxy):
            make()
        print('etcd, NATS', flush=True)
        for name, p in self.processes.items():
            if name.startswith(('etcd', 'nats')):
                p.start()
        self.until('etcd', 60, lambda: answers(f'http://{HOST}:{self.ports["etcd"][0]}/health') == 200)
        print('PostgreSQL under Patroni', flush=True)
        for k in range(N):
            self.processes[f'pg{k + 1}'].start()
        self.until('a database that leads', 120, self.leader)
        self.make_desk_database()
        print('nodes', flush=True)
        self.processes['node1'].start()
        self.until('node1', 90, lambda: self.node_is_ready(0))
        key = os.path.join(self.dir, 'node1', 'secret.key')
        for k in range(1, N):
            copy = os.path.join(self.dir, f'node{k + 1}', 'secret.key')
            if not os.path.exists(copy):
                shutil.copy(key, copy)
                os.chmod(copy, 0o600)
            self.processes[f'node{k + 1}'].start()
        self.until('the other nodes', 90, lambda: self.node_is_ready(1) and self.node_is_ready(2))
        self.processes['haproxy'].start()
        self.until('HAProxy', 20, lambda: answers(f'http://{HOST}:{self.port}/readyz') == 200)
        self.until('a database that may take over', 90, self.heir)

    def tell(self):
        print(f'\n  The desk, through HAProxy    http://{HOST}:{self.port}/console/')
        if self.is_demo:
            print(f'  Exchange page with the chat  http://{HOST}:{self.port}/demo/')
        print('  Its nodes                    ' + '  '.join(f'http://{HOST}:{p}' for p in self.ports['node']))
        if self.is_demo:
            print('  Logins                       mei@demo.example, tom@demo.example, owner@demo.example: "stablehand demo"')
        else:
            print(f'  The first visit makes the owner; from elsewhere it asks for the token in {self.dir}/log/node1.log')
        print(f'''
  Now break it, from another terminal, while you chat in two browsers:
    scripts/cluster status
    scripts/cluster kill node2        scripts/cluster start node2
    scripts/cluster kill leader       scripts/cluster start pg1     (whichever it was)
    scripts/cluster pause node1       scripts/cluster resume node1
    scripts/cluster kill nats1        scripts/cluster kill etcd1
  Logs: {self.dir}/log. Ctrl-C ends everything; the data stay for the next start.
''', flush=True)

    def stop(self):
        self.stopping.set()
        for prefix in ('haproxy', 'node', 'pg', 'nats', 'etcd'):
            group = [p for name, p in self.processes.items() if name.startswith(prefix)]
            threads = [threading.Thread(target=p.stop) for p in group]
            for t in threads:
                t.start()
            for t in threads:
                t.join()

    def status(self):
        leader = self.leader()
        heir = self.heir()
        lines = []
        for name, p in self.processes.items():
            words = [f'{name:8}', f'{p.state():7}']
            if name.startswith('node') and p.state() == 'up':
                port = self.ports['node'][int(name[4:]) - 1]
                words.append(f'http://{HOST}:{port}  ' + ('ready' if answers(f'http://{HOST}:{port}/readyz') == 200 else 'NOT ready'))
            if name == leader:
                words.append('leads')
            elif name == heir:
                words.append('takes over')
            lines.append(' '.join(words).rstrip())
        return '\n'.join(lines)

    def obey(self, words):
        verb, name = (words + ['', ''])[:2]
        if verb == 'status':
            return self.status()
        if verb == 'stop':
            self.stopping.set()
            return 'stopping'
        if name == 'leader':
            name = self.leader() or ''
        if verb not in ('kill', 'start', 'pause', 'resume') or name not in self.processes:
            return f'error: kill, start, pause or resume, and one of: {" ".join(self.processes)} leader'
        return getattr(self.processes[name], verb)()


def serve_orders(cluster, path):
    """Orders of other terminals, one line each."""
    if os.path.exists(path):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    os.chmod(path, 0o600)
    listener.listen()

    def run():
        while True:
            connection, _ = listener.accept()
            with connection:
                try:
                    words = connection.makefile('r', encoding='utf8').readline().split()
                    connection.sendall((cluster.obey(words) + '\n').encode())
                except OSError:
                    pass  # the other terminal has gone

    threading.Thread(target=run, daemon=True).start()


def send_order(path, words):
    with socket.socket(socket.AF_UNIX) as s:
        try:
            s.connect(path)
        except OSError:
            die('no cluster runs here: scripts/cluster starts one')
        s.sendall((' '.join(words) + '\n').encode())
        answer = s.makefile('r', encoding='utf8').read()
    print(answer, end='')
    return 1 if answer.startswith('error') else 0


def main(args):
    folder = f'/var/tmp/stablehand-cluster-{pwd.getpwuid(os.getuid()).pw_name}'
    port, is_fresh, is_demo, is_check, words = 8080, False, True, False, []
    for arg in args:
        if arg.startswith('--dir='):
            folder = os.path.abspath(arg[6:])
        elif arg.startswith('--port=') and arg[7:].isdigit():
            port = int(arg[7:])
        elif arg == '--fresh':
            is_fresh = True
        elif arg == '--check':
            is_check = True
        elif arg == '--empty':
            is_demo = False
        elif arg.startswith('--'):
            die(f'unknown option {arg}')
        else:
            words.append(arg)
    control = os.path.join(folder, 'control')
    if words:
        return send_order(control, words)
    if is_fresh and os.path.isdir(folder):
        if not os.path.exists(os.path.join(folder, 'passwords.json')):
            die(f'{folder} is not a cluster: not removed')
        shutil.rmtree(folder)
    cluster = Cluster(folder, port, is_demo)
    if not is_check:
        cluster.check_ports()
    for parts in ((), ('log',), ('conf',)):
        cluster.folder(*parts)
    cluster.load_passwords()
    if is_check:
        return cluster.check()
    signal.signal(signal.SIGTERM, lambda *_: cluster.stopping.set())
    status = 0
    try:
        cluster.start()
        serve_orders(cluster, control)
        cluster.tell()
        while not cluster.stopping.wait(1):
            pass
    except KeyboardInterrupt:
        pass
    except (TimeoutError, RuntimeError) as e:
        print(f'error: {e}', file=sys.stderr)
        status = 1
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    print('\nstopping', flush=True)
    cluster.stop()
    if os.path.exists(control):
        os.unlink(control)
    return status


sys.exit(main(sys.argv[1:]))
