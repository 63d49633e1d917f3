//! Splits a text into tokens with their places, for queries and metric expressions.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Span, quoted};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub kind: TokenKind,
    pub at: Span,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// Letters, digits and `_`, of which at least one is not a digit: a keyword or a name.
    Word(String),
    /// A name in double quotes or brackets, which is never a keyword.
    Quoted(String),
    String(String),
    /// Digits, possibly with a fraction. A minus is a symbol of its own.
    Number(String),
    Symbol(&'static str),
    End,
}

/// Two-character symbols come first. Symbols that the language does not use are included so that an error can name them.
const SYMBOLS: [&str; 26] = [
    "!=", "<=", ">=", "<>", "==", "=>", "=<", "||", "&&", ",", ";", "(", ")", "=", "<", ">", "*", "+", "-", "/", ".", "!", "%", "|", "&",
    "^",
];

/// The most digits of a number, as many as a decimal can hold.
const MAXIMUM_DIGITS: usize = 38;

/// Returns the tokens, with End as the last one, and the diagnostics of what could not be read. Characters that belong to no token are left out.
pub(crate) fn tokens(text: &str) -> (Vec<Token>, Diagnostics) {
    let start = Mark { line: 1, column: 1, passed: 0 };
    let mut lexer = Lexer { rest: text, here: start, tokens: Vec::new(), diagnostics: Diagnostics::default() };
    while lexer.step() {}
    lexer.push(lexer.here, TokenKind::End);
    (lexer.tokens, lexer.diagnostics)
}

struct Lexer<'t> {
    rest: &'t str,
    here: Mark,
    tokens: Vec<Token>,
    diagnostics: Diagnostics,
}

#[derive(Clone, Copy)]
struct Mark {
    line: u32,
    column: u32,
    /// The number of characters from the start of the text.
    passed: u32,
}

impl<'t> Lexer<'t> {
    /// Reads one token or a stretch of white space. Returns false at the end.
    fn step(&mut self) -> bool {
        let Some(first) = self.rest.chars().next() else { return false };
        match first {
            _ if is_space(first) => {
                self.take_while(is_space);
            }
            _ if is_word(first) => self.word(),
            '\'' => self.enclosed('\'', "string", TokenKind::String),
            '"' => self.enclosed('"', "name", TokenKind::Quoted),
            '[' => self.enclosed(']', "name", TokenKind::Quoted),
            '`' => {
                let at = Span { line: self.here.line, column: self.here.column, length: 1 };
                self.report(at, format!("'`' at {at} has no meaning; a name stands bare, in double quotes or in brackets"));
                self.enclosed('`', "name", TokenKind::Quoted);
            }
            _ if self.rest.starts_with("--") => self.comment("\n"),
            _ if self.rest.starts_with("/*") => self.comment("*/"),
            _ => self.symbol(first),
        }
        true
    }

    fn word(&mut self) {
        let start = self.here;
        let word = self.take_while(is_word);
        if !word.bytes().all(|byte| byte.is_ascii_digit()) {
            return self.push(start, TokenKind::Word(word.to_owned()));
        }
        let mut number = word.to_owned();
        let after_point = self.rest.strip_prefix('.').map(|rest| rest.bytes().next());
        if after_point.flatten().is_some_and(|byte| byte.is_ascii_digit()) {
            self.advance(1);
            number.push('.');
            number.push_str(self.take_while(is_word));
        }
        let digits = number.bytes().filter(u8::is_ascii_digit).count();
        let plain = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        if plain && digits <= MAXIMUM_DIGITS {
            return self.push(start, TokenKind::Number(number));
        }
        let at = self.since(start);
        let found = quoted(&number);
        self.report(
            at,
            match plain {
                true => format!("{found} at {at} has {digits} digits; a number may have {MAXIMUM_DIGITS}"),
                false => format!("{found} at {at} is not a number; write digits, with a fraction perhaps, or a string in single quotes"),
            },
        );
        // A stand-in, so that the rest of the clause is still read.
        self.tokens.push(Token { kind: TokenKind::Number("0".to_owned()), at });
    }

    /// Reads the text up to `close`; a doubled `close` stands for one.
    fn enclosed(&mut self, close: char, what: &str, kind: fn(String) -> TokenKind) {
        let start = self.here;
        let open = self.rest.chars().next().unwrap_or(close);
        self.advance(1);
        let mut content = String::new();
        loop {
            content.push_str(self.take_while(|c| c != close));
            if self.rest.is_empty() {
                let at = Span { line: start.line, column: start.column, length: 1 };
                self.report(at, format!("the {what} that opens with {open} at {at} is not closed; add {close} where it ends"));
                break;
            }
            self.advance(1);
            if !self.rest.starts_with(close) {
                break;
            }
            content.push(close);
            self.advance(1);
        }
        if content.is_empty() && what == "name" {
            let at = self.since(start);
            self.report(at, format!("the name at {at} is empty"));
        }
        self.push(start, kind(content));
    }

    /// Skips a comment up to its end, so that it is only one error.
    fn comment(&mut self, end: &str) {
        let start = self.here;
        let opening: String = self.rest.chars().take(2).collect();
        let length = self.rest.find(end).map_or(self.rest.len(), |at| if end == "*/" { at + end.len() } else { at });
        let characters = self.rest.get(..length).unwrap_or(self.rest).chars().count();
        self.advance(characters);
        let at = self.since(start);
        self.report(at, format!("'{opening}' at {at} begins a comment; comments are not supported: leave it out"));
    }

    fn symbol(&mut self, first: char) {
        let start = self.here;
        if let Some(symbol) = SYMBOLS.into_iter().find(|symbol| self.rest.starts_with(symbol)) {
            self.advance(symbol.chars().count());
            return self.push(start, TokenKind::Symbol(symbol));
        }
        // A sequence of unknown characters is one error.
        let rest = self.rest;
        self.advance(1);
        self.take_while(|c| !is_space(c) && !is_word(c) && !"'\"[".contains(c) && !SYMBOLS.iter().any(|s| s.starts_with(c)));
        if self.diagnostics.is_full() {
            return self.diagnostics.count();
        }
        let strange = rest.get(..rest.len() - self.rest.len()).unwrap_or(rest);
        let advice = match first {
            '‘' | '’' | '‚' | '′' | '´' => "; strings stand in straight single quotes: 'text'",
            '“' | '”' | '„' => "; write straight quotes: 'text' for a string, \"name\" for a name",
            _ => "; a query is made of names, 'strings', numbers, operators, commas and parentheses",
        };
        let at = self.since(start);
        self.report(at, format!("{} at {at} has no meaning{advice}", quoted(strange)));
    }

    fn push(&mut self, start: Mark, kind: TokenKind) {
        let at = self.since(start);
        self.tokens.push(Token { kind, at });
    }

    fn report(&mut self, at: Span, message: String) {
        self.diagnostics.add(Diagnostic::at(Code::Syntax, at, message));
    }

    fn since(&self, start: Mark) -> Span {
        Span { line: start.line, column: start.column, length: self.here.passed - start.passed }
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'t str {
        let end = self.rest.find(|c| !wanted(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        for character in taken.chars() {
            self.pass(character);
        }
        self.rest = rest;
        taken
    }

    fn advance(&mut self, count: usize) {
        for _ in 0..count {
            let mut characters = self.rest.chars();
            if let Some(character) = characters.next() {
                self.rest = characters.as_str();
                self.pass(character);
            }
        }
    }

    fn pass(&mut self, character: char) {
        self.here.passed += 1;
        if character == '\n' {
            self.here.line += 1;
            self.here.column = 1;
        } else {
            self.here.column += 1;
        }
    }
}

pub(crate) fn is_space(character: char) -> bool {
    // Editors put a byte-order mark at the start of a file, from which it may be pasted.
    character.is_whitespace() || character == '\u{feff}'
}

pub(crate) fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}
