"""Where a command writes: stdout, pipes, devices and links stay what they are, and get the bytes."""

import csv
import os
import stat
import subprocess
import threading

QUERY = "SELECT CustomerName, Product FROM CustomersAndTenants ORDER BY CustomerName, Product TIMESPAN LIFETIME"


def read(path, into):
    with open(path, "rb") as file:
        into.append(file.read())


def table(text, separator):
    return list(csv.reader(text.decode().splitlines(keepends=True), delimiter=separator, strict=True))


def test_rows_go_where_the_path_leads(demo, binary, tmp_path):
    command = [str(binary), "run", QUERY, "--data-dir", str(demo.data_dir), "--tenant", demo.ready["tenant_id"]]

    def run(*flags, **more):
        ran = subprocess.run([*command, *flags], capture_output=True, timeout=60, **more)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    whole = run()
    assert whole.startswith(b"CustomerName,Product\n") and whole.count(b"\n") > 10
    assert run("-o", "-") == whole
    assert run("-o", "/dev/stdout", "--format", "csv") == whole
    rows = table(whole, ",")
    assert table(run("--format", "tsv"), "\t") == rows and any("," in name for name, _ in rows), "some need quotes in one of them alone"

    run("-o", "/dev/null")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)

    pipe, got = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=read, args=(pipe, got), daemon=True)
    reader.start()
    run("-o", str(pipe))
    reader.join(30)
    assert got == [whole] and stat.S_ISFIFO(os.lstat(pipe).st_mode)

    (tmp_path / "below").mkdir()
    link = tmp_path / "rows.csv"
    link.symlink_to("below/rows.csv")
    for _ in range(2):
        run("-o", str(link))
        assert link.is_symlink() and (tmp_path / "below" / "rows.csv").read_bytes() == whole

    # What a shell opened for appending keeps what it held.
    log = tmp_path / "log"
    log.write_bytes(b"before\n")
    with log.open("ab") as file:
        subprocess.run([*command, "-o", "/dev/stdout"], stdout=file, stderr=subprocess.DEVNULL, check=True, timeout=60)
    assert log.read_bytes() == b"before\n" + whole


def test_ready_file_and_profile_through_pipes_and_links(start, binary, tmp_path):
    ready, got = tmp_path / "ready", []
    os.mkfifo(ready)
    reader = threading.Thread(target=read, args=(ready, got), daemon=True)
    reader.start()
    command = [str(binary), "demo", "--once", "--rows", "60", "--data-dir", str(tmp_path / "data"), "--http", "127.0.0.1:0", "--https", "127.0.0.1:0"]
    subprocess.run([*command, "--ready-file", str(ready)], check=True, capture_output=True, timeout=120)
    reader.join(30)
    assert b'"client_secret"' in got[0] and stat.S_ISFIFO(os.lstat(ready).st_mode)

    environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "config"), "HOME": str(tmp_path)}
    folder, kept = tmp_path / "config" / "insightgate", tmp_path / "kept.toml"
    folder.mkdir(parents=True)
    (folder / "profiles.toml").symlink_to(kept)
    subprocess.run([str(binary), "init"], cwd=tmp_path, env=environment, check=True, capture_output=True, timeout=120)
    assert (folder / "profiles.toml").is_symlink() and "[operator]" in kept.read_text()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600

    copied = subprocess.run([str(binary), "backup", "--data-dir", str(tmp_path / "data"), "-o", "-"], check=True, capture_output=True, timeout=60)
    assert copied.stdout.startswith(b"SQLite format 3\0")
    assert not [path.name for path in (tmp_path / "data").iterdir() if "unfinished" in path.name]
