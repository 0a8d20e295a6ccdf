/** The management API of the WebSocket: one frame to one connection. */
export interface ConnectionGateway {
  /**
   * `gone`: the connection does not exist (any more). Throws on anything else. What was throttled is sent again, and a frame
   * that may have arrived only if it `mayRepeat`; neither after a second, when the reason to send it may be gone.
   */
  post(
    connectionId: string,
    frame: string,
    options?: { readonly mayRepeat: boolean },
  ): Promise<'posted' | 'gone'>;
  /** `gone`: there is no such connection (any more, or yet: one that is still opening). */
  close(connectionId: string): Promise<'closed' | 'gone'>;
}
