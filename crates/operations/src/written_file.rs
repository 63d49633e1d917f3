//! Files that a command writes, at a path that a person named. Links are followed and kept. A plain file is replaced once all of its text is written,
//! and keeps its mode and its owner. A device, a pipe, a socket or a file that a process already has open (`/dev/stdout`) is never replaced but written
//! to directly.

use std::fs::{File, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{self, Poll};

use insightgate_engine::storage::unfinished_file;
use tempfile::NamedTempFile;
use tokio::io::AsyncWrite;

/// The most links in a chain that are followed, as many as the system follows.
const MOST_LINKS: u32 = 40;

/// Who may read a new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Only its owner, since it contains secrets. That also applies if others could read the previous file.
    Owner,
    /// Whoever may read the person's other files.
    Everybody,
}

/// What a path leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// A plain file, or a path at which one is to be made. It is not a link.
    File(PathBuf),
    /// Something else that exists.
    Other(PathBuf),
    /// The standard output of this process.
    Stdout,
}

/// Whether a file would be made or replaced there. It would not if the path leads to a device, a pipe, a socket or an open file.
///
/// # Errors
/// If the path leads to a folder, in a circle, or into a folder that cannot be read.
pub fn is_file(path: &Path) -> io::Result<bool> {
    Ok(followed(path)?.is_some())
}

/// The file that the path leads to through its links; `None` if [`is_file`] is false.
///
/// # Errors
/// As in [`is_file`].
pub fn followed(path: &Path) -> io::Result<Option<PathBuf>> {
    Ok(match place(path)? {
        Place::File(file) => Some(file),
        _ => None,
    })
}

/// Whether the path leads to a named pipe, which is opened once somebody opens its other end. One that a process has open, as `/dev/stdin` or what a
/// shell makes of `<(…)`, waits for nobody.
pub fn is_named_pipe(path: &Path) -> bool {
    #[cfg(unix)]
    {
        let is_pipe = |path: &Path| std::fs::metadata(path).is_ok_and(|found| std::os::unix::fs::FileTypeExt::is_fifo(&found.file_type()));
        matches!(place(path), Ok(Place::Other(path)) if is_pipe(&path) && open_file(&path).is_none())
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

/// Removes the file that the path leads to. Links to it stay, and so does everything that is not a plain file. A missing file is no error.
///
/// # Errors
/// As in [`is_file`], or if the file cannot be removed.
pub fn remove(path: &Path) -> io::Result<()> {
    match place(path)? {
        Place::File(file) => remove_if_there(&file),
        _ => Ok(()),
    }
}

/// Writes the whole text. A reader of a plain file sees either the previous text or the whole new one.
///
/// # Errors
/// As in [`is_file`], or if the target cannot be written.
pub fn write(path: &Path, bytes: &[u8], readers: Readers) -> io::Result<()> {
    let mut output = Output::open(path, readers)?;
    output.write_all(bytes)?;
    output.finish()
}

/// An unfinished file, for text that comes in pieces. If it is dropped before it is finished, the previous file stays.
#[derive(Debug)]
pub struct Output {
    to: Target,
}

#[derive(Debug)]
enum Target {
    /// A temporary file beside the one that it will replace.
    Unfinished {
        file: NamedTempFile,
        path: PathBuf,
    },
    Straight(File),
    #[cfg(unix)]
    Socket(std::os::unix::net::UnixStream),
    Stdout(io::Stdout),
}

impl Output {
    /// Opens the target. Opening a pipe waits for its reader.
    ///
    /// # Errors
    /// As in [`write()`].
    pub fn open(path: &Path, readers: Readers) -> io::Result<Output> {
        let to = match place(path)? {
            Place::Stdout => Target::Stdout(io::stdout()),
            Place::Other(path) => straight(&path)?,
            Place::File(path) => {
                path.file_name().ok_or(ErrorKind::IsADirectory)?;
                let file = unfinished_file::make(path.parent().unwrap_or(Path::new("")), readers == Readers::Owner)?;
                if let Ok(before) = std::fs::metadata(&path) {
                    stay_as(file.as_file(), &before, readers)?;
                }
                Target::Unfinished { file, path }
            }
        };
        Ok(Output { to })
    }

    /// Moves the file to where none may be, and leaves one that came meanwhile as it is.
    ///
    /// # Errors
    /// If there is a file already ([`ErrorKind::AlreadyExists`]), or the rest of the text could not be written.
    pub fn finish_new(mut self) -> io::Result<()> {
        self.flush()?;
        let Target::Unfinished { file, path } = self.to else { return Ok(()) };
        file.as_file().sync_all()?;
        file.persist_noclobber(&path).map(drop).map_err(|failed| failed.error)
    }

    /// Moves the file into place.
    ///
    /// # Errors
    /// If the rest of the text could not be written.
    pub fn finish(mut self) -> io::Result<()> {
        self.flush()?;
        let Target::Unfinished { file, path } = self.to else { return Ok(()) };
        file.as_file().sync_all()?;
        match file.persist(&path) {
            Ok(_) => Ok(()),
            // The file itself is a mount point, as in containers: it can be written to, but not replaced.
            Err(failed) if failed.error.kind() == ErrorKind::ResourceBusy => {
                let text = std::fs::read(failed.file.path())?;
                OpenOptions::new().write(true).truncate(true).open(&path)?.write_all(&text)
            }
            Err(failed) => Err(failed.error),
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.to {
            Target::Unfinished { file, .. } => file.as_file_mut().write(bytes),
            Target::Straight(file) => file.write(bytes),
            #[cfg(unix)]
            Target::Socket(socket) => socket.write(bytes),
            Target::Stdout(stdout) => stdout.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.to {
            Target::Unfinished { file, .. } => file.as_file_mut().flush(),
            Target::Straight(file) => file.flush(),
            #[cfg(unix)]
            Target::Socket(socket) => socket.flush(),
            Target::Stdout(stdout) => stdout.flush(),
        }
    }
}

/// Writing blocks until the reader takes the text, which is acceptable for commands, since they have nothing else to do.
impl AsyncWrite for Output {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut task::Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(self.write(bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut task::Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.flush())
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(context)
    }
}

fn place(path: &Path) -> io::Result<Place> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        if let Some(open) = open_file(&path) {
            return Ok(open);
        }
        match std::fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_symlink() => {
                let link = std::fs::read_link(&path)?;
                path = path.parent().unwrap_or(Path::new("")).join(link);
            }
            Ok(metadata) if metadata.is_dir() => return Err(ErrorKind::IsADirectory.into()),
            Ok(metadata) if !metadata.is_file() => return Ok(Place::Other(path)),
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => return Ok(Place::File(path)),
        }
    }
    Err(io::Error::other("its links lead in a circle"))
}

/// Whether the path names a file that a process has open: on Linux `/proc/<process>/fd/<number>`, a link that may have no path (`pipe:[7]`). Such a file
/// belongs to whoever opened it, and may contain more than this command's text.
fn open_file(path: &Path) -> Option<Place> {
    let folder = path.parent()?.canonicalize().ok()?;
    let processes = folder.strip_prefix("/proc").ok()?;
    if folder.file_name()? != "fd" {
        return None;
    }
    let own = processes.starts_with(std::process::id().to_string());
    Some(if own && path.file_name()? == "1" { Place::Stdout } else { Place::Other(path.to_owned()) })
}

fn straight(path: &Path) -> io::Result<Target> {
    #[cfg(unix)]
    if std::os::unix::fs::FileTypeExt::is_socket(&std::fs::metadata(path)?.file_type()) {
        return std::os::unix::net::UnixStream::connect(path).map(Target::Socket);
    }
    // Appends to what an open file already contains.
    OpenOptions::new().append(true).open(path).map(Target::Straight)
}

/// Gives the new file the mode and the owner of the one that it replaces, as if that one had been written to.
fn stay_as(file: &File, before: &Metadata, readers: Readers) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
        let own = file.metadata()?;
        if (own.uid(), own.gid()) != (before.uid(), before.gid()) {
            // Only an administrator may change the owner of a file. Otherwise the new file belongs to the person.
            let _ = fchown(file, Some(before.uid()), Some(before.gid()));
        }
        let for_others = if readers == Readers::Owner { 0o700 } else { 0o777 };
        file.set_permissions(Permissions::from_mode(before.permissions().mode() & for_others))?;
    }
    #[cfg(not(unix))]
    let _ = (file, before, readers);
    Ok(())
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_plain_file_is_made_or_replaced_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.csv");
        let mut output = Output::open(&path, Readers::Everybody).unwrap();
        output.write_all(b"half").unwrap();
        assert!(!path.exists());
        drop(output);
        assert!(names(folder.path()).is_empty(), "what is not finished leaves nothing");
        write(&path, b"one", Readers::Everybody).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        write(&path, b"two", Readers::Everybody).unwrap();
        assert_eq!((std::fs::read(&path).unwrap(), mode(&path)), (b"two".to_vec(), 0o640));
        write(&path, b"three", Readers::Owner).unwrap();
        assert_eq!(mode(&path), 0o600, "others could read it");
        let secret = folder.path().join("secret");
        write(&secret, b"s", Readers::Owner).unwrap();
        assert_eq!(mode(&secret), 0o600);
        assert_eq!(names(folder.path()), ["out.csv", "secret"]);
        remove(&path).unwrap();
        remove(&path).unwrap();
        assert_eq!(names(folder.path()), ["secret"]);
        assert!(write(folder.path(), b"x", Readers::Owner).is_err());
    }

    #[test]
    fn two_writers_of_one_path_are_each_whole_and_the_last_one_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.csv");
        let [mut first, mut second] = [(); 2].map(|()| Output::open(&path, Readers::Everybody).unwrap());
        first.write_all(b"the first: ").unwrap();
        second.write_all(b"the second: ").unwrap();
        first.write_all(b"all of it").unwrap();
        first.finish().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "the first: all of it");
        second.write_all(b"all of it").unwrap();
        second.finish().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "the second: all of it");
        assert_eq!(names(folder.path()), ["out.csv"]);
    }

    #[test]
    fn the_longest_names_are_written_and_a_failure_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let longest = "n".repeat(255);
        write(&folder.path().join(&longest), b"x", Readers::Owner).unwrap();
        assert!(write(&folder.path().join("n".repeat(256)), b"x", Readers::Owner).is_err());
        let output = Output::open(&folder.path().join("taken"), Readers::Owner).unwrap();
        std::fs::create_dir(folder.path().join("taken")).unwrap();
        assert!(output.finish().is_err());
        assert_eq!(names(folder.path()), [&longest, "taken"]);
    }

    #[test]
    fn a_new_file_is_as_open_as_the_persons_others() {
        let folder = tempfile::tempdir().unwrap();
        let (other, path) = (folder.path().join("other"), folder.path().join("out.csv"));
        std::fs::write(&other, "x").unwrap();
        write(&path, b"x", Readers::Everybody).unwrap();
        assert_eq!(mode(&path), mode(&other));
    }

    #[test]
    fn links_stay_and_what_they_lead_to_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("below");
        std::fs::create_dir(&below).unwrap();
        let (target, link, further) = (below.join("target"), folder.path().join("link"), folder.path().join("further"));
        symlink("below/target", &link).unwrap();
        symlink(&link, &further).unwrap();
        write(&further, b"made", Readers::Owner).unwrap();
        assert_eq!((std::fs::read(&target).unwrap(), mode(&target)), (b"made".to_vec(), 0o600));
        write(&link, b"replaced", Readers::Owner).unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"replaced");
        assert!(link.is_symlink() && further.is_symlink() && names(&below) == ["target"]);
        remove(&further).unwrap();
        assert!(!target.exists() && link.is_symlink() && further.is_symlink());
        let circle = folder.path().join("circle");
        symlink(&circle, &circle).unwrap();
        assert!(write(&circle, b"x", Readers::Owner).is_err() && circle.is_symlink());
    }

    #[test]
    fn devices_pipes_and_sockets_are_written_into() {
        let folder = tempfile::tempdir().unwrap();
        write(Path::new("/dev/null"), b"x", Readers::Owner).unwrap();
        assert!(std::fs::metadata("/dev/null").unwrap().file_type().is_char_device() && !is_file(Path::new("/dev/null")).unwrap());
        let null = folder.path().join("null");
        symlink("/dev/null", &null).unwrap();
        write(&null, b"x", Readers::Owner).unwrap();
        remove(&null).unwrap();
        assert!(null.is_symlink());

        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert!(is_named_pipe(&pipe) && !is_named_pipe(&null) && !is_named_pipe(folder.path()) && !is_named_pipe(Path::new("/dev/stdin")));
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || std::fs::read(pipe).unwrap()
        });
        write(&pipe, b"through the pipe", Readers::Owner).unwrap();
        assert_eq!(reader.join().unwrap(), b"through the pipe");
        assert!(std::fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());

        let socket = folder.path().join("socket");
        let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let reader = std::thread::spawn(move || {
            let mut text = Vec::new();
            io::Read::read_to_end(&mut listener.accept().unwrap().0, &mut text).unwrap();
            text
        });
        write(&socket, b"to the socket", Readers::Everybody).unwrap();
        assert_eq!(reader.join().unwrap(), b"to the socket");
        assert_eq!(names(folder.path()), ["null", "pipe", "socket"]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_open_already_is_not_replaced() {
        use std::os::fd::AsRawFd;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut open = OpenOptions::new().create(true).append(true).open(&path).unwrap();
        open.write_all(b"before\n").unwrap();
        for folder in ["/dev/fd", "/proc/self/fd"] {
            write(&Path::new(folder).join(open.as_raw_fd().to_string()), b"x\n", Readers::Owner).unwrap();
        }
        open.write_all(b"after\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "before\nx\nx\nafter\n");
        for stdout in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
            assert_eq!(place(Path::new(stdout)).unwrap(), Place::Stdout, "{stdout}");
        }
    }
}
