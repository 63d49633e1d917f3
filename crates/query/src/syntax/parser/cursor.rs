//! The parser's position: looks ahead, takes, skips and reports tokens.

use super::{CLAUSES, Clause, END, Parser, is_keyword};
use crate::diagnostic::nearest::nearest;
use crate::diagnostic::{Code, Diagnostic, Span, quoted};
use crate::syntax::lexer::TokenKind;
use crate::syntax::unsupported;

impl Parser {
    /// Adds an item that begins at this place. The first item beyond the limit is reported, and all items beyond it are dropped.
    pub(super) fn push<T>(&mut self, items: &mut Vec<T>, item: T, at: Span, (maximum, what): (usize, &'static str)) {
        if items.len() < maximum {
            items.push(item);
            return;
        }
        if !self.too_many.contains(&what) {
            self.too_many.push(what);
            self.report_as(Code::TooLong, at, format!("there are more than {maximum} {what} at {at}; at most that many are taken"));
        }
    }

    pub(super) fn kind(&self) -> &TokenKind {
        self.tokens.get(self.position).map_or(&END.kind, |token| &token.kind)
    }

    /// The token before this place.
    pub(super) fn before(&self) -> Option<&TokenKind> {
        self.tokens.get(self.position.checked_sub(1)?).map(|token| &token.kind)
    }

    pub(super) fn at(&self) -> Span {
        self.tokens.get(self.position).map_or(END.at, |token| token.at)
    }

    /// The token here and its place, for a message. Empty if the message is only counted.
    pub(super) fn found(&self) -> String {
        if self.is_full() {
            return String::new();
        }
        let at = self.at();
        match self.kind() {
            TokenKind::Word(text) | TokenKind::Number(text) | TokenKind::Quoted(text) => format!("{} at {at}", quoted(text)),
            TokenKind::String(text) => format!("{} at {at}", quoted(text)),
            TokenKind::Symbol(symbol) => format!("'{symbol}' at {at}"),
            TokenKind::End => format!("the end of the query at {at}"),
        }
    }

    pub(super) fn advice(&self) -> Option<&'static str> {
        match self.kind() {
            TokenKind::Word(word) => unsupported::word(word),
            TokenKind::Symbol(symbol) => unsupported::symbol(symbol),
            _ => None,
        }
    }

    /// Finds the keyword among these that is nearest to the word here, for a word that is reported. The keyword then replaces the word, so that what
    /// follows is read as it was meant.
    pub(super) fn mend(&mut self, keywords: &[&'static str]) -> Option<&'static str> {
        if self.is_full() {
            return None;
        }
        let token = self.tokens.get_mut(self.position)?;
        let TokenKind::Word(word) = &token.kind else { return None };
        if is_keyword(word) || unsupported::word(word).is_some() {
            return None;
        }
        let meant = nearest(word, keywords.iter().copied())?;
        token.kind = TokenKind::Word(meant.to_owned());
        Some(meant)
    }

    pub(super) fn clause(&self) -> Option<Clause> {
        let TokenKind::Word(word) = self.kind() else { return None };
        CLAUSES.into_iter().find(|clause| clause.keyword().eq_ignore_ascii_case(word))
    }

    pub(super) fn at_end_of_clause(&self) -> bool {
        self.clause().is_some() || matches!(self.kind(), TokenKind::End | TokenKind::Symbol(";"))
    }

    pub(super) fn advance(&mut self) {
        self.position = (self.position + 1).min(self.tokens.len().saturating_sub(1));
    }

    pub(super) fn take_symbol(&mut self, symbol: &str) -> bool {
        let here = matches!(self.kind(), TokenKind::Symbol(found) if *found == symbol);
        if here {
            self.advance();
        }
        here
    }

    pub(super) fn take_keyword(&mut self, keyword: &str) -> bool {
        let here = matches!(self.kind(), TokenKind::Word(word) if word.eq_ignore_ascii_case(keyword));
        if here {
            self.advance();
        }
        here
    }

    /// Skips to the next token that `wanted` accepts, to the next clause or to the end. Text in parentheses is skipped as a whole.
    pub(super) fn skip(&mut self, wanted: impl Fn(&TokenKind) -> bool) {
        while !self.at_end_of_clause() && !wanted(self.kind()) {
            if self.take_symbol("(") {
                self.skip_parenthesis();
            } else {
                self.advance();
            }
        }
    }

    /// Skips past the parenthesis that closes an open one.
    pub(super) fn skip_parenthesis(&mut self) {
        let mut open = 1_usize;
        while open > 0 && self.kind() != &TokenKind::End {
            match self.kind() {
                TokenKind::Symbol("(") => open += 1,
                TokenKind::Symbol(")") => open -= 1,
                _ => {}
            }
            self.advance();
        }
    }

    pub(super) fn report(&mut self, message: String) {
        self.report_as(Code::Syntax, self.at(), message);
    }

    pub(super) fn report_at(&mut self, at: Span, message: String) {
        self.report_as(Code::Syntax, at, message);
    }

    /// Whether further diagnostics are only counted, so that advice is not needed.
    pub(super) fn is_full(&self) -> bool {
        self.diagnostics.is_full()
    }

    /// Like [`Parser::is_full`], for an error that was just found, which is then counted.
    pub(super) fn only_counts(&mut self) -> bool {
        let full = self.is_full();
        if full {
            self.diagnostics.count();
        }
        full
    }

    pub(super) fn report_as(&mut self, code: Code, at: Span, message: String) {
        self.diagnostics.add(Diagnostic::at(code, at, message));
    }
}
