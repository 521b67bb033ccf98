#!/usr/bin/perl
# Drives Perl's Mail::IMAPClient through most of what it has; every answer is checked here, the files by the test that runs this.
#
#     imapclient.pl PORT CERTIFICATE
use strict;
use warnings;
use Mail::IMAPClient;

my ($port, $certificate) = @ARGV;
$SIG{ALRM} = sub { die "too late\n" };
alarm 50;

sub is {
    my ($got, $want, $what) = @_;
    $got = join ' ', @$got if ref $got;
    die "$what: " . ($got // 'nothing') . ", expected $want\n" unless defined $got && $got eq $want;
}

my $imap = Mail::IMAPClient->new(
    Server => 'localhost', Port => $port, User => 'kevin', Password => 'secret', Uid => 1, Peek => 1, Timeout => 15,
    Ssl => [SSL_ca_file => $certificate, SSL_verifycn_name => 'localhost'])
    or die "login: $@\n";

sub ok {
    my ($value, $what) = @_;
    die "$what: " . ($imap->LastError // 'no error') . "\n" unless $value;
    return $value;
}

sub thread_text {
    return join '', map { ref $_ ? '(' . thread_text(@$_) . ')' : "$_ " } @_;
}

ok($imap->has_capability($_), $_) for qw(SORT QUOTA UIDPLUS MOVE IDLE NAMESPACE ID COMPRESS);
ok($imap->compress, 'COMPRESS');
ok($imap->tag_and_run('ID ("name" "Mail::IMAPClient")'), 'ID');

# folders: the caller of this module writes names as they go over the wire
my $umlaut = 'Gr&APwA3w-e';
my $dot = $imap->separator;
my @made = ($umlaut, "$umlaut${dot}&ZeVnLIqe-", 'with blank', 'a"quote');
ok($imap->create($_), "CREATE $_") for @made;
ok($imap->subscribe($umlaut), 'SUBSCRIBE');
is([sort $imap->folders], join(' ', sort 'INBOX', @made), 'LIST');
is([$imap->subscribed], $umlaut, 'LSUB');
ok($imap->rename('with blank', 'with two blanks'), 'RENAME');
ok($imap->exists('with two blanks') && !$imap->exists('with blank'), 'after RENAME');
ok($imap->delete('a"quote'), 'DELETE');
ok(!$imap->is_parent('with two blanks') && $imap->is_parent($umlaut), 'CHILDREN');

# SEARCH, SORT, THREAD
ok($imap->select('INBOX'), 'SELECT');
is($imap->message_count, 6, 'messages');
is($imap->unseen_count, 5, 'unseen');
is([$imap->search('SUBJECT', 'lunch')], '1 5', 'SEARCH SUBJECT');
is([$imap->search(\q(CHARSET UTF-8 SUBJECT), "gr\xc3\xbc\xc3\x9fe")], '2', 'SEARCH in UTF-8');
is([$imap->sort('REVERSE DATE', 'US-ASCII', 'ALL')], '6 5 4 3 2 1', 'SORT by date');
is([$imap->sort('SUBJECT', 'UTF-8', 'ALL')], '6 2 4 1 5 3', 'SORT by subject');
is([$imap->sort('SIZE', 'UTF-8', 'UNSEEN')], join(' ', sort { $imap->size($a) <=> $imap->size($b) } 1, 3, 4, 5, 6), 'SORT by size');
is(thread_text(@{ $imap->thread('REFERENCES', 'UTF-8', 'UID 1:3') }), '(1 2 )(3 )', 'THREAD=REFERENCES');
is(thread_text(@{ $imap->thread('ORDEREDSUBJECT', 'UTF-8', 'ALL') }), '(1 5 )(2 )(3 )(4 )(6 )', 'THREAD=ORDEREDSUBJECT');

# what a message is
is($imap->subject(3), 'Newsletter', 'subject');
is($imap->get_envelope(1)->{messageid}, '<1.test@example.org>', 'ENVELOPE');
is(join(' ', map { "$_" } $imap->get_bodystructure(3)->parts), '1 2', 'BODYSTRUCTURE');
is($imap->bodypart_string(3, '1'), 'Plain words.', 'part');
is(length $imap->message_string(1), $imap->size(1), 'size');
ok($imap->internaldate(1) =~ /^14-Nov-2023/, 'INTERNALDATE');
is([$imap->seen], 2, 'Peek');

# APPEND, COPY, MOVE: the UIDs of UIDPLUS
my $text = "From: zoe\@example.org\r\nSubject: appended\r\n\r\nna\xc3\xafve\r\n";
is($imap->append_string($umlaut, $text, '\\Seen Work', '14-Nov-2023 22:13:20 +0000'), 1, 'APPENDUID');
is($imap->copy($umlaut, '1,2'), '2,3', 'COPYUID');
ok($imap->copy('with two blanks', 3), 'COPY');
ok($imap->move($umlaut, [4]), 'COPY and delete');
ok($imap->expunge, 'EXPUNGE');
ok($imap->tag_and_run("UID MOVE 5 $umlaut"), 'MOVE');
is([$imap->messages], '1 2 3 6', 'after MOVE');
ok($imap->delete_message(6) && $imap->uidexpunge(6), 'UID EXPUNGE');
is([$imap->messages], '1 2 3', 'after UID EXPUNGE');
ok($imap->set_flag('Work', 1) && $imap->mark(2), 'STORE');
ok($imap->deny_seeing(2), 'STORE -FLAGS');
is([sort grep { $_ ne '\\Recent' } $imap->flags(2)], '\\Flagged', 'flags');

ok($imap->select($umlaut), 'SELECT of a folder with letters beyond ASCII');
is([sort grep { $_ ne '\\Recent' } $imap->flags(1)], 'Work \\Seen', 'flags of what was appended');
is($imap->message_string(1), $text, 'what was appended');
is($imap->message_count, 5, 'messages there');
ok($imap->uidnext($umlaut) == 6 && $imap->uidvalidity($umlaut), 'STATUS');

# quota: in KiB
is($imap->quota('User quota'), 10240, 'GETQUOTA');
ok($imap->quota_usage('User quota') > 0, 'usage');
ok($imap->getquotaroot('INBOX'), 'GETQUOTAROOT');

# told in IDLE
my $other = Mail::IMAPClient->new(
    Server => 'localhost', Port => $port, User => 'kevin', Password => 'secret', Uid => 1, Timeout => 15,
    Ssl => [SSL_ca_file => $certificate, SSL_verifycn_name => 'localhost']) or die "second login: $@\n";
my $idle = ok($imap->idle, 'IDLE');
ok($other->append_string($umlaut, $text), 'APPEND of another');
my @told = $imap->idle_data(15);
ok(scalar(grep { /^\* 6 EXISTS/ } @told), 'EXISTS in IDLE');
ok($imap->done($idle), 'DONE');
ok($other->logout, 'LOGOUT');

ok($imap->close, 'CLOSE');
ok($imap->logout, 'LOGOUT');
