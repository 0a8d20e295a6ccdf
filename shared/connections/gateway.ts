/** The management API of the WebSocket: one frame to one connection. */
export interface ConnectionGateway {
  /**
   * `gone`: the connection does not exist (any more). `full`: the client does not read what is waiting for it, so the frame
   * was not sent. Throws on anything else. What was throttled is sent again, and a frame that may have arrived only if it
   * `mayRepeat`; neither after a second, when the reason to send it may be gone. A full socket is asked again only if one
   * `waitsForReader`, for some seconds.
   */
  post(connectionId: string, frame: string, options?: PostOptions): Promise<'posted' | 'gone' | 'full'>;
  /** `gone`: there is no such connection (any more, or yet: one that is still opening). */
  close(connectionId: string): Promise<'closed' | 'gone'>;
}

export interface PostOptions {
  readonly mayRepeat?: boolean;
  readonly waitsForReader?: boolean;
}
