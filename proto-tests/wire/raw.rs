//! A connection that sends any packets, in any order and form. Knows nothing of mail.

use std::ffi::CString;

use indymilter::{
    Actions, MacroStage, ProtoOpts,
    message::{
        self, Message, PROTOCOL_VERSION,
        command::{Command, EnvAddrPayload, HeaderPayload, MacroPayload, OptNegPayload},
        reply::Reply,
    },
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UnixStream},
    time::timeout,
};

use super::desk::{BOUND, Place};

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A connection as a broken or hostile peer uses it.
pub struct Raw {
    stream: Box<dyn Io>,
}

impl Raw {
    /// Connects and says nothing.
    pub async fn connect(place: &Place) -> Self {
        let stream: Box<dyn Io> = match place {
            Place::Unix(path) => Box::new(UnixStream::connect(path).await.unwrap()),
            Place::Inet(address) => Box::new(TcpStream::connect(address).await.unwrap()),
        };
        Self { stream }
    }

    /// Connects and negotiates all that Postfix offers.
    pub async fn open(place: &Place) -> Self {
        let mut raw = Self::connect(place).await;
        let reply = raw.offer(Actions::all(), ProtoOpts::all()).await;
        assert!(matches!(reply, Some(Reply::OptNeg { .. })), "{reply:?}");
        raw
    }

    /// Offers actions and options; `None` if the milter hangs up.
    pub async fn offer(&mut self, actions: Actions, opts: ProtoOpts) -> Option<Reply> {
        self.negotiate(actions, opts).await;
        self.reply().await
    }

    /// The same without waiting for the answer.
    pub async fn negotiate(&mut self, actions: Actions, opts: ProtoOpts) {
        self.command(Command::OptNeg(OptNegPayload {
            version: PROTOCOL_VERSION,
            actions,
            opts,
        }))
        .await;
    }

    pub async fn command(&mut self, command: Command) {
        self.packet(command.into_message()).await;
    }

    /// Any packet. A milter that hung up already is no fault here: the next reply tells.
    pub async fn packet(&mut self, packet: Message) {
        message::write(&mut self.stream, packet).await.ok();
    }

    /// MAIL with the macros that Postfix sends along.
    pub async fn mail(&mut self, login: Option<&str>, sender: &str) -> Option<Reply> {
        let mut macros = vec![("{mail_addr}", sender), ("{client_addr}", "192.0.2.7")];
        macros.extend(login.map(|login| ("{auth_authen}", login)));
        self.macros(MacroStage::Mail, &macros).await;
        self.mail_alone(sender).await
    }

    /// MAIL without any macros.
    pub async fn mail_alone(&mut self, sender: &str) -> Option<Reply> {
        self.send_mail(sender).await;
        self.reply().await
    }

    /// The same without waiting for the answer.
    pub async fn send_mail(&mut self, sender: &str) {
        let args = vec![CString::new(sender).unwrap()];
        self.command(Command::Mail(EnvAddrPayload { args })).await;
    }

    pub async fn rcpt(&mut self, recipient: &str) {
        self.macros(MacroStage::Rcpt, &[("{rcpt_addr}", recipient)])
            .await;
        let args = vec![CString::new(recipient).unwrap()];
        self.command(Command::Rcpt(EnvAddrPayload { args })).await;
    }

    pub async fn header(&mut self, name: &str, value: &str) {
        let [name, value] = [name, value].map(|text| CString::new(text).unwrap());
        self.command(Command::Header(HeaderPayload { name, value }))
            .await;
    }

    pub async fn macros(&mut self, stage: MacroStage, macros: &[(&str, &str)]) {
        let texts = macros.iter().flat_map(|(name, value)| [*name, *value]);
        let macros = texts.map(|text| CString::new(text).unwrap()).collect();
        self.command(Command::DefMacros(MacroPayload { stage, macros }))
            .await;
    }

    /// Any bytes, whether somebody reads them or not.
    pub async fn bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.ok();
        self.stream.flush().await.ok();
    }

    /// Sends nothing more, and still reads.
    pub async fn half_close(&mut self) {
        self.stream.shutdown().await.ok();
    }

    /// The next reply; `None` if the milter has hung up.
    pub async fn reply(&mut self) -> Option<Reply> {
        let packet = timeout(BOUND, message::read(&mut self.stream)).await;
        let packet = packet.expect("a reply or a hang-up").ok()?;
        Some(Reply::parse_reply(packet).unwrap())
    }
}
