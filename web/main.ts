import { bearerSubprotocolPrefix, subprotocol } from '#shared/protocol/limits.ts';
import type { Message, ServerFrame } from '#shared/protocol/replies.ts';
import { makePersonView } from './person-view.ts';

const socketUrl = `${location.origin.replace(/^http/, 'ws')}/local`;
const people = document.querySelector('#people');

if (people) {
  startPerson(people, 'alice', 'bob');
  startPerson(people, 'bob', 'alice');
}

function startPerson(parent: Element, user: string, other: string): void {
  let socket: WebSocket | undefined;
  const view = makePersonView(user, other, (content) => {
    const clientMessageId = crypto.randomUUID();
    socket?.send(JSON.stringify({ action: 'send', recipientId: other, content, clientMessageId }));
  });
  parent.append(view.element);

  const connect = async (): Promise<void> => {
    view.showStatus('connecting …');
    const token = await (await fetch(`/token?user=${encodeURIComponent(user)}`)).text();
    socket = new WebSocket(socketUrl, [subprotocol, `${bearerSubprotocolPrefix}${token.trim()}`]);
    socket.onopen = () => socket?.send(JSON.stringify({ action: 'reconnect', positions: {} }));
    socket.onmessage = ({ data }) => receive(JSON.parse(data));
    socket.onclose = () => {
      view.showStatus('disconnected, trying again …');
      setTimeout(connect, 2_000);
    };
  };
  const receive = (frame: ServerFrame): void => {
    if (frame.type === 'reconnect.done') view.showStatus('connected');
    else if (frame.type === 'error') view.showProblem(`${frame.message} ${frame.remedy}`);
    else for (const message of messagesOf(frame)) view.showMessage(message);
  };
  void connect();
}

function messagesOf(frame: ServerFrame): readonly Message[] {
  if (frame.type === 'reconnect.page') return frame.messages;
  return frame.type === 'message.new' || frame.type === 'message.sent' ? [frame.message] : [];
}
