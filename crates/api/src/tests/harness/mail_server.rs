//! A mail server that keeps the letters that it takes, and answers recipients as it is told.

use std::sync::{Arc, Mutex};

use insightgate_outbound::MailSettings;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Ends with the runtime of its test.
pub(in crate::tests) struct MailServer {
    port: u16,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    letters: Vec<Received>,
    /// What it says to each recipient.
    answer: String,
}

/// A letter as it came.
#[derive(Debug, Clone)]
pub(in crate::tests) struct Received {
    pub(in crate::tests) to: String,
    pub(in crate::tests) text: String,
}

impl Received {
    /// The text with its long lines, which quoted-printable breaks, in one piece.
    pub(in crate::tests) fn whole(&self) -> String {
        self.text.replace("=\r\n", "")
    }

    pub(in crate::tests) fn header(&self, name: &str) -> String {
        let head = self.text.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ");
        let line = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")).map(str::to_owned));
        line.unwrap_or_else(|| panic!("no {name} in {}", self.text))
    }
}

impl MailServer {
    pub(in crate::tests) async fn start() -> MailServer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let kept = Arc::new(Mutex::new(Kept { letters: Vec::new(), answer: "250 fine".to_owned() }));
        let keeping = Arc::clone(&kept);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&keeping)));
            }
        });
        MailServer { port, kept }
    }

    pub(in crate::tests) fn settings(&self) -> MailSettings {
        MailSettings { from: "Insightgate <insightgate@insights.example>".to_owned(), ..MailSettings::to("127.0.0.1", self.port) }
    }

    /// What recipients are answered from now on.
    pub(in crate::tests) fn answer(&self, answer: &str) {
        self.kept.lock().unwrap().answer = answer.to_owned();
    }

    /// Takes the letters that came, the first one first.
    pub(in crate::tests) fn take(&self) -> Vec<Received> {
        std::mem::take(&mut self.kept.lock().unwrap().letters)
    }
}

async fn serve(stream: TcpStream, kept: Arc<Mutex<Kept>>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 ready\r\n").await.ok()?;
    let mut to = String::new();
    loop {
        let line = read(&mut stream).await?;
        let answer = match line.split([' ', ':']).next().unwrap_or_default() {
            "RCPT" => {
                to = line.trim_start_matches("RCPT TO:<").split('>').next().unwrap_or_default().to_owned();
                kept.lock().unwrap().answer.clone()
            }
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await.ok()?;
                let mut text = String::new();
                loop {
                    match read(&mut stream).await?.as_str() {
                        "." => break,
                        line => text += &format!("{line}\r\n"),
                    }
                }
                kept.lock().unwrap().letters.push(Received { to: to.clone(), text });
                "250 taken".to_owned()
            }
            _ => "250 fine".to_owned(),
        };
        stream.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    match stream.read_line(&mut line).await {
        Ok(1..) => Some(line.trim_end_matches(['\r', '\n']).to_owned()),
        _ => None,
    }
}
