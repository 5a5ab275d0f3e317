# 繁體中文介面文字。每則訊息在每個語言檔中都必須存在，由測試比對。
skip-to-content = 跳至內容
nav-label = 功能
sign-out = 登出
close = 關閉
save = 儲存
request-failed = 沒有回應。若您剛才做了決定，請重新檢視該郵件：是否已儲存尚不得知。請檢查連線。
request-busy = 處理中……
request-missed = 您的決定在這封郵件可供閱讀之前送出，因此未予採計。請先閱讀，再做決定。
request-lapsed = 您已登出，決定並未儲存。請先複製您的備註再繼續：接下來需要重新登入。
request-unkept = 您的備註並未儲存：

place-inbox = 審核
place-log = 紀錄
place-health = 狀態
place-strays = 未擷取郵件
place-settings = 設定
place-preferences = 偏好設定

sign-in-title = 登入
sign-in-purpose = 在此閱讀並決定被保留的郵件。您的操作會以您的名義記錄。
sign-in-login = 使用者名稱
sign-in-password = 密碼
sign-in = 登入
sign-in-wrong = 名稱或密碼錯誤，或此帳號無權審核郵件。
sign-in-wait = 嘗試次數過多。請等候 { $n } 秒後再試。

language = 語言
theme = 佈景主題
theme-auto = 依系統設定
theme-light = 淺色
theme-dark = 深色
keys = 快速鍵
keys-purpose = 每個動作各用一個按鍵。輸入文字時快速鍵無效。方向鍵也可移動，Enter 可開啟。
keys-on = 使用快速鍵
keys-change = 變更快速鍵
keys-fault = 每個動作都需要一個自己的按鍵：字母、數字或符號。
preferences-saved = 已儲存。
key-next = 下一封
key-previous = 上一封
key-open = 開啟郵件
key-release = 放行
key-discard = 丟棄
key-return = 退回寄件人
key-note = 寫備註
key-search = 搜尋
key-help = 顯示快速鍵

inbox-title = 審核
search-label = 搜尋主旨、地址與附件名稱
search = 搜尋
search-help = 可用的搜尋條件
filters = 篩選
filter-waiting = 待審
filter-attachment = 有附件
filter-doubt = 有疑點
filter-decided = 已決定
filter-all = 全部
pages = 頁面
pages-first = 回到開頭
pages-next = 下一頁
list-empty = 沒有項目。
list-to = 寄給
list-more = { $first } 及其他 { $n } 位
list-count = { $n } 封郵件
list-count-so-far = 目前找到 { $n } 封郵件
list-count-more = 超過 { $n } 封郵件
list-unlisted = { $n } 封郵件尚未解析，不在搜尋範圍內。
list-unlisted-more = 超過 { $n } 封郵件尚未解析，不在搜尋範圍內。
list-unlisted-at-least = { $n ->
    [0] 可能還有郵件尚未解析，不在搜尋範圍內。
   *[other] 至少 { $n } 封郵件尚未解析，不在搜尋範圍內。
  }
list-cut = 尚未解析的郵件還沒有全部查看完畢，之後可能會出現更多郵件。
due-late = 逾期
due-soon = { $it } 後到期
mark-attachments = { $n } 個附件
mark-doubtful = 有疑點
mark-doubted = 保留中被更動
mark-twins = 重複寄出
mark-external = 外部
no-subject = （無主旨）
pane-none = 請在左側選擇郵件。
back-to-list = 回到清單

query-unknown-term = 沒有「{ $it }」這個搜尋條件。可用 from、to、domain、subject、has、larger、smaller、before、after、state。
query-bad-date = 「{ $it }」不是如 2026-01-31 的日期。
query-bad-size = 「{ $it }」不是如 500K 或 5M 的大小。
query-unknown-state = 沒有「{ $it }」這個狀態。可用 waiting、held、captured、decided、released、discarded、returned、gone、never_queued、all。
query-unknown-thing = 郵件不會有「{ $it }」。可用 attachment、html、image、doubt。
query-no-value = 「{ $it }」需要一個值。
query-too-many-terms = 搜尋條件過多。
query-too-long = 搜尋條件太長。
query-open-quote = 「{ $it }」之後缺少引號。

decide = 決定
release = 放行
discard = 丟棄
return = 退回寄件人
reason = 理由
reason-none = （無）
reason-business = 一般業務
reason-confidential = 含機密內容
reason-personal = 私人郵件
reason-recipient = 收件人錯誤
reason-suspicious = 可疑
note = 備註
no-return-null-sender = 此郵件沒有寄件人，退回也不會有人知道。
no-return-notify-never = 寄件人要求不接收任何通知（NOTIFY=NEVER），退回也不會有人知道。
told-release = 已決定：放行。{ $it }
told-discard = 已決定：丟棄。{ $it }
told-return = 已決定：退回寄件人。{ $it }
told-next = 這是下一封郵件。
told-none-left = 這裡沒有其他待審郵件。

decided-by = { $reviewer } 於 { $when } 決定：{ $decision ->
    [release] 放行
    [discard] 丟棄
   *[return] 退回寄件人
  }。
lost-to-me = 您先前已做出決定。{ $it }
lost-to = 已有人先決定。{ $it }您的決定未被儲存。
lost-not-held = 此郵件尚未出現在保留佇列中。請稍後再試。
lost-settled = 此郵件未經決定就離開了保留佇列。{ $it }
lost-nobody = 退回不會有人知道：請放行或丟棄。
standing-captured = 尚未出現在保留佇列中，稍後即可決定。
standing-held = 等待決定。
standing-decided = 已決定，尚未執行。
standing-failed = 已決定，尚未執行，將再次嘗試。上次嘗試未成功：{ $it }。
standing-sent = 已交給 Postfix。
standing-released = 已放行：由 Postfix 投遞。
standing-discarded = 已丟棄。
standing-returned = 已退回寄件人。
standing-gone = 已不在：由他人自保留佇列移出。
standing-never_queued = Postfix 從未收下此郵件。

warnings = 警告
warn-queue-file = 保留佇列中的檔案不是當時擷取的郵件，發現於 { $it }：
warn-no-from = 此郵件沒有作者（From）。
warn-several-from = 此郵件有多位作者（From）：
warn-from-differs = 顯示的作者不是實際寄件人：
warn-sender-differs = 另有寄件人（Sender）：
warn-reply-to-differs = 回覆會寄到別處（Reply-To）：
warn-name-poses = 作者名稱看起來像另一個地址：
warn-link = 連結實際通往別處：
warn-twins = 同一人另外寄出 { $n } 次：
doubt-boundary-out-of-place = 程式看到的部分可能與此處不同：邊界位置不正確。
doubt-two-parameters = 程式看到的部分可能與此處不同：同一參數出現兩次。
doubt-no-boundary = 程式看到的部分可能與此處不同：缺少邊界。
doubt-unclosed = 郵件中斷：最後一部分沒有結尾。
doubt-two-fields = 只能出現一次的標頭欄位出現多次：
doubt-bad-header = 標頭中有不是欄位的內容：
doubt-too-deep = 部分內容層次過深，無法顯示。
doubt-too-many-parts = 部分過多，無法全部顯示。
doubt-two-readings = 此郵件有兩種讀法，得到的部分不同。
doubt-bad-encoding = 某部分不符合其編碼，程式可能有不同讀法。
doubt-unknown-charset = 未知的字元集：
doubt-bad-text = 有些位元組在其字元集中沒有意義。
doubt-nul = 文字中含有 NUL 字元。
doubt-unopened = 含有未解析的檔案格式：
doubt-encrypted = 已加密：此處無法閱讀。
doubt-text-differs-from-html = 純文字與 HTML 內容不同，請兩者都讀。
doubt-other-type = 檔案與其宣稱的類型不符：
doubt-hidden-text = HTML 中有讀者可能看不到、或此處 HTML 分頁未顯示的文字。

fact-from = 寄件人
fact-sender = 代寄人
fact-reply-to = 回覆地址
fact-to = 收件人與副本
fact-envelope-sender = 信封寄件人
fact-recipients = 寄給 { $n } 位收件人
fact-added = Postfix 加入了 { $n } 位收件人
fact-because = 保留原因
fact-captured = 擷取
written-as = 寫作 { $it }
signed-in-as = 登入帳號 { $it }
held-by-rule = 規則 { $it }
more = 另有 { $n } 項
more-domains = 另有 { $n } 個網域
all-recipients = 全部 { $n } 位收件人
added-added = 加入
added-rewritten = 改寫
added-redirected = 轉向

tabs = 檢視
tab-text = 文字
tab-html = HTML
tab-header = 標頭
tab-structure = 結構
tab-raw = 原始碼
only-raw = 只能顯示原始郵件。
no-text = 此郵件沒有文字。
text-of-html = HTML 的文字內容：
text-cut = 文字尚未結束，完整內容請見原始郵件。
no-html = 此郵件沒有 HTML。
html-safe = 顯示時不含指令碼、外部圖片、表單與樣式。不會讀取任何外部內容，連結也無法點選。
html-frame = 經安全處理的郵件 HTML
nested-message = 郵件中的郵件
nested-header = 其標頭
outline-waits = 此郵件尚未解析，以下為原始郵件。
outline-crashed = 此郵件無法解析：解析程式兩次中斷。以下為原始郵件，仍可決定。
outline-too-slow = 解析此郵件耗時過久。以下為原始郵件，仍可決定。
outline-too-large = 此郵件過大，無法解析。以下為原始郵件，仍可決定。
outline-unreadable = 此郵件的解析結果已無法讀取。以下為原始郵件，仍可決定。
outline-doubtful = 程式可能以不同方式解讀此郵件。決定前請先看原始郵件。
raw-whole = 完整郵件
raw-cut = 以下為開頭部分，請下載完整郵件。
download = 下載
attachments = 附件
archive = { $it } 的內容
archive-fault = 未能完整列出
entry-encrypted = 已加密
real-type = 實為 { $it }
links = 連結
link-mismatch = 與文字不符
column-name = 名稱
column-type = 類型
column-size = 大小
column-sha256 = SHA-256
column-part = 部分
column-encoding = 字元集、編碼
column-field = 欄位
column-value = 內容
column-link-text = 文字
column-link-host = 通往
column-link-target = 網址
column-when = 時間
column-who = 人員
column-what = 動作
column-message = 郵件
column-where = 來源
column-detail = 細節
column-queue-id = 佇列 ID
column-instance = 執行個體
column-age = 起始時間
column-setting = 設定
column-number = 數量

timeline = 處理經過
timeline-purpose = 此郵件最近一千筆紀錄，由舊到新；不含郵件內容與備註。
moment-captured = 擷取
moment-held = 出現於保留佇列
moment-note = 備註：{ $it }
moment-released = 放行：交由 Postfix 投遞
moment-discarded = 丟棄
moment-returned = 退回寄件人
moment-gone = 由他人自保留佇列移出
moment-never_queued = 從未進入 Postfix 佇列
moment-viewed = { $actor } 檢視
moment-timeline = { $actor } 檢視處理經過
moment-downloaded = { $actor } 下載了 { $detail }
moment-refused = { $actor } 遭拒：{ $detail }
moment-not-allowed = { $actor } 遭拒：{ $act ->
    [list] 檢視清單
    [view] 檢視郵件
    [view_raw] 檢視原始郵件
    [download] 下載
    [release] 決定放行
    [discard] 決定丟棄
    [return] 決定退回寄件人
    [see_timeline] 檢視處理經過
   *[other] { $act }
  }（{ $why ->
    [not_your_role] 其角色無此權限
    [out_of_scope] 不在其審核範圍內
    [own_mail] 是其本人的郵件
   *[nothing_known] 查無此郵件的資料
  }）
moment-form = { $actor } 遭拒：表單沒有此工作階段的標記（已過期或來自他處）
moment-too-late = { $actor } 遭拒：決定過遲或無法執行
moment-adopted = { $actor } 認領
moment-command = { $actor } 以命令列執行：{ $detail }

log-purpose = 此處所有操作，由新到舊。紀錄無法更改，可用 mailhold audit verify 驗證。
health-purpose = 哪些工作在等候，自何時開始。
health-waiting = 等候中
health-held = 已保留，等待決定
health-captured = 已擷取，尚未出現在保留佇列
health-decided = 已決定，尚未執行
health-outlines = 尚未解析
strays-purpose = 在保留佇列中但未被擷取的郵件。系統不會自動處理；請以 mailhold strays adopt 認領。
settings-purpose = 目前生效的設定。如需變更，請編輯設定檔並重新啟動。
table-empty = 沒有項目。

age-seconds = { $n } 秒
age-minutes = { $n } 分鐘
age-hours = { $n } 小時
age-days = { $n } 天
size-bytes = { $n } B
size-kib = { $n } KiB
size-mib = { $n } MiB
size-gib = { $n } GiB

error-title = 未能完成
error-reference = 參考編號：
error-back = 返回
error-signed-out = 您尚未登入，或登入已失效。
error-not-found = 這裡沒有此項目。
error-refused = 您無權執行此操作。此次嘗試已記錄。
error-token = 表單已過期，或並非本系統的表單。未做任何變更，請重新載入頁面。
error-foreign = 此要求來自其他網站的頁面。未做任何變更。
error-host = 這不是本系統的網址，請檢查網址。
error-malformed = 無法理解此要求。未做任何變更。
error-long-note = 備註超過 1,000 個字元。未做任何變更，請縮短後再做決定。
error-away = 所需的服務目前無法使用。請稍後再試。
error-away-form = 所需的服務目前無法使用。您送出的內容若非完整儲存，就是完全未儲存：請稍後重新檢視，再決定是否重送。
error-ours = 系統內部錯誤。請重新檢視後再重試。
kind-signed_in = 登入
kind-sign_in_failed = 登入失敗
kind-signed_out = 登出
kind-rights_changed = 權限變更
kind-searched = 搜尋
kind-viewed = 檢視
kind-downloaded = 下載
kind-decided = 決定
kind-refused = 遭拒
kind-command = 命令
kind-adopted = 認領
kind-exported = 匯出紀錄
state-captured = 已擷取
state-held = 保留中
state-decided = 尚未執行
state-released = 已放行
state-discarded = 已丟棄
state-returned = 已退回
state-gone = 已不在
state-never_queued = 從未進入佇列
